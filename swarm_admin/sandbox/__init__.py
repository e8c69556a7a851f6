"""Stand-ins of Clay, GoHighLevel and Instantly over real HTTP, for the demo and the flow tests.

One process, state in memory, strict about the vendors' contracts, deterministic, with faults that
can be switched while it runs. It imports no Django: `python -m swarm_admin.sandbox` runs it alone,
`manage.py sandbox` with the keys of the settings.

Bases: `/ghl`, `/instantly/api/v2`, and Clay in three ways: `/clay/v1` (the specification's REST contract),
`/clay/v3/sources/webhook/<slug>` (a table's webhook source, with the HTTP API column that calls back) and
`/clay/public/v0` (routines of the public API). Control: `/_stats`, `/_state/{vendor}`, `/_faults`, `/_config`,
`/_reset`, `/_ghl/restore`, `/_instantly/mails`, and `/_clay/…` for what a person sets up and presses in Clay
(the table in `clay_control`). Vendors are `clay`, `clay_table`, `clay_routine`, `ghl`, `instantly`.

A table that enriches what is submitted, calls back, and loses one callback in ten:

    PUT  /_clay/sources/leads    {"token": "t0ken"}
    PUT  /_clay/tables/t_leads   {"callback": {"url": "http://127.0.0.1:8000/…", "headers": {"X-Webhook-Secret": "…"}}}
    POST /_faults                {"vendor": "clay_table", "kind": "drop_webhook", "probability": 0.1}

A routine whose finished runs are announced:

    PUT  /_clay/routines/function:t_people   {"outputs": {"Work Email": "email_work"}}
    PUT  /_clay/webhooks/wh_1                {"url": "http://127.0.0.1:8000/…", "secret": "whsec_…"}

The same documents in the switches `clay_sources`, `clay_tables`, `clay_routines` and `clay_hooks` are there from the
start, and hold over what a state file has kept. `/_stats` proves what a run of the product claims: `429`,
`duplicates_by_linkedin_url`, `refs_twice`, `rows_called_back_twice`, `cost_called_back`, `ids_charged_twice`,
`people_charged_twice`, and what both credit meters of a workspace (`credits`) were charged.
"""
