"""Stand-ins of Clay, GoHighLevel and Instantly over real HTTP, for the demo and the flow tests.

One process, state in memory, strict about the vendors' contracts, deterministic, with faults that
can be switched while it runs. Bases: `/clay/v1`, `/ghl`, `/instantly/api/v2`; control: `/_stats`,
`/_state/{vendor}`, `/_faults`, `/_config`, `/_reset`, `/_ghl/restore`, `/_instantly/mails`. It imports no Django:
`python -m swarm_admin.sandbox` runs it alone, `manage.py sandbox` with the keys of the settings.
"""
