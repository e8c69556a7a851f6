"""Where webhooks arrive, and the screen that shows them, by persona."""

import datetime
import hashlib
import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from enrichment.failures.sources import SOURCES
from enrichment.models import ServiceHold, WebhookDelivery
from enrichment.models.webhook import FAILED
from enrichment.pipeline.receive import reading, refused
from enrichment.vendors import limiter
from enrichment.webhooks import replay
from enrichment.webhooks.views import count_incomplete
from gdpr.models import AuditEvent
from swarm_admin.access.models import User
from swarm_admin.core.cache import invalidate
from swarm_admin.core.errors import ActionNotAllowed
from tests.factories import EnrichedLeadFactory

ARRIVAL = "/webhooks/clay/enrichment-complete"
SECRET, OLD_SECRET = "the-new-secret", "the-old-secret"
FRAGMENT = {"HX-Request": "true"}


@pytest.fixture
def secrets(settings: Any) -> None:
    settings.CLAY_WEBHOOK_SECRET = SECRET
    settings.CLAY_WEBHOOK_SECRET_PREVIOUS = OLD_SECRET


def arrive(body: bytes = b"{}", secret: str | None = SECRET, **headers: str) -> int:
    """The status of a delivery over HTTP, without a session and without a CSRF token."""
    sent = {**headers, **({"X-Webhook-Secret": secret} if secret is not None else {})}
    client = Client(enforce_csrf_checks=True)
    return client.post(ARRIVAL, body, content_type="application/json", headers=sent).status_code


def stored(**values: Any) -> WebhookDelivery:
    """A delivery as it was read an hour ago."""
    body = values.pop("body", event(row_id=values.get("row_id", "row_x")))
    now = timezone.now()
    defaults = {
        "body": body,
        "body_hash": hashlib.sha256(body).hexdigest(),
        "status": "processed",
        "verdict": "accepted",
        "event": "row.enriched",
        "row_id": "row_x",
        "received_at": now - datetime.timedelta(minutes=30),
        "processed_at": now,
    }
    return WebhookDelivery.objects.create(**{**defaults, **values})


def event(row_id: str = "row_x", **data: Any) -> bytes:
    """A body in Clay's shape."""
    document = {
        "event": "row.enriched",
        "row_id": row_id,
        "table_id": "tbl_test",
        "timestamp": "2026-01-15T10:10:00Z",
        "data": {
            "linkedin_url": "https://www.linkedin.com/in/johndoe",
            "email_work": "john@acme.example",
            **data,
        },
    }
    return json.dumps(document).encode()


# ---------------------------------------------------------------- arrival


@pytest.mark.parametrize("secret", [None, "", "wrong", "wröng-sécret", SECRET + "x", SECRET[:-1]])
def test_without_the_secret_nothing_is_stored(db: None, secrets: None, secret: str | None) -> None:
    assert arrive(secret=secret) == 401
    assert not WebhookDelivery.objects.exists()


def test_an_empty_secret_of_ours_matches_nothing(db: None, settings: Any) -> None:
    settings.CLAY_WEBHOOK_SECRET = settings.CLAY_WEBHOOK_SECRET_PREVIOUS = ""
    assert arrive(secret="") == 401


def test_two_secrets_are_live_during_a_rotation(db: None, secrets: None, settings: Any) -> None:
    assert [arrive(secret=SECRET), arrive(secret=OLD_SECRET)] == [200, 200]
    settings.CLAY_WEBHOOK_SECRET_PREVIOUS = ""
    assert arrive(secret=OLD_SECRET) == 401
    assert WebhookDelivery.objects.count() == 2


def test_the_secret_is_not_kept(db: None, secrets: None) -> None:
    arrive(**{"User-Agent": "Clay"})
    [delivery] = WebhookDelivery.objects.all()
    assert delivery.headers == {"Content-Type": "application/json", "User-Agent": "Clay"}


def test_a_body_of_a_megabyte_is_the_limit(db: None, secrets: None, settings: Any) -> None:
    assert settings.WEBHOOK_MAX_BYTES == 1_000_000
    assert arrive(b"x" * 1_000_001) == 413
    assert not WebhookDelivery.objects.exists()
    assert arrive(b"x" * 1_000_000) == 200


def figures(client: Client) -> dict[str, Any]:
    invalidate("webhook_figures")
    return dict(client.get("/webhooks/").context["figures"])


def test_what_is_refused_is_counted_and_leaves_no_row(secrets: None, sales_client: Client, settings: Any) -> None:
    assert (figures(sales_client)["refused"], figures(sales_client)["refusals"]) == ({}, 0)
    settings.WEBHOOK_MAX_BYTES = 10
    refusals = [
        arrive(b"x" * 11),
        arrive(b"x" * 11, OLD_SECRET),
        arrive(b"x" * 11, "wrong"),
        arrive(secret=None),
    ]
    assert refusals == [413, 413, 401, 401]
    cut_off = {"PATH_INFO": ARRIVAL, "HTTP_X_WEBHOOK_SECRET": SECRET}
    for environment in (cut_off, {"PATH_INFO": ARRIVAL}, {"PATH_INFO": "/account/login/"}):
        count_incomplete(environment)
    assert figures(sales_client)["refused"] == {
        "over the size limit": 2,
        "cut off before the end of the body": 1,
        "with a wrong secret": 3,
    }
    page = sales_client.get("/webhooks/").content.decode()
    assert '<dt>Rejected, 24 hours</dt><dd><span class="figure-value num">6</span>' in page
    assert "2 over the size limit" in page
    assert not WebhookDelivery.objects.exists()
    assert len(limiter.connection().keys("webhooks-refused:*")) <= 2  # an hour may have ended meanwhile


def test_no_redis_refuses_all_the_same(db: None, secrets: None, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert (arrive(secret="wrong"), refused.last_day()) == (401, {})


def test_failed_is_the_same_on_overview_failures_and_webhooks(sales_client: Client) -> None:
    stored()
    stored(status="failed", verdict="", error_kind="internal_error")
    for body in (b"{", b"[]", b"\xff"):
        stored(body=body, status="processed", verdict="malformed", event="", row_id="")
    counts = (
        figures(sales_client)["failed"],
        sales_client.get("/failures/").context["rows"],
        sales_client.get("/").context["waiting"],
        len(sales_client.get("/webhooks/?status=failed&since=day").context["rows"]),
    )
    assert counts == (4, 4, 4, 4)
    members = [row.pk for what in ("webhook", "unreadable") for row in SOURCES[what].members()]
    assert sorted(members) == sorted(WebhookDelivery.objects.filter(FAILED).values_list("pk", flat=True))


def test_only_post_arrives(db: None, secrets: None, client: Client) -> None:
    assert client.get(ARRIVAL, headers={"X-Webhook-Secret": SECRET}).status_code == 405
    assert client.post(f"{ARRIVAL}/", headers={"X-Webhook-Secret": SECRET}).status_code == 404


def test_bytes_that_are_no_text_are_kept_and_judged(db: None, secrets: None, sales_client: Client) -> None:
    body = bytes(range(256))
    assert arrive(body) == 200
    reading.run_due()
    [delivery] = WebhookDelivery.objects.all()
    assert (bytes(delivery.body), delivery.verdict) == (body, "malformed")
    page = sales_client.post(f"/webhooks/{delivery.pk}/body/").content.decode()
    assert "\\xff" in page


# ---------------------------------------------------------------- who may


def test_who_may_look(
    sales_client: Client, compliance_client: Client, admin_client: Client, nobody_client: Client
) -> None:
    pk = stored().pk
    for address in ("/webhooks/", f"/webhooks/{pk}/", f"/webhooks/{pk}/drawer/", "/webhooks/figures/"):
        people = (sales_client, compliance_client, admin_client, nobody_client)
        assert [c.get(address).status_code for c in people] == [200, 200, 200, 403]
        assert Client().get(address).status_code == 302


def test_who_may_not_replay(compliance_client: Client, nobody_client: Client, sales_client: Client) -> None:
    delivery = stored(verdict="stale")
    address = f"/webhooks/{delivery.pk}/replay/"
    assert [c.post(address).status_code for c in (compliance_client, nobody_client)] == [403, 403]
    assert "have permission to replay webhooks" in compliance_client.get(f"/webhooks/{delivery.pk}/").content.decode()
    assert f'href="{address}"' in sales_client.get(f"/webhooks/{delivery.pk}/").content.decode()
    delivery.refresh_from_db()
    assert delivery.status == "processed"


# ---------------------------------------------------------------- the list


def test_figures_are_of_the_hour_and_the_day(sales_client: Client) -> None:
    now = timezone.now()
    stored()
    stored(verdict="stale", received_at=now - datetime.timedelta(hours=2))
    stored(received_at=now - datetime.timedelta(days=2))
    unread = stored(status="received", verdict="", received_at=now - datetime.timedelta(minutes=50))
    figures = sales_client.get("/webhooks/").context["figures"]
    assert (figures["hour"], figures["day"]) == (2, 3)
    assert figures["verdicts"] == {"accepted": 1, "stale": 1}
    assert (figures["unread"], figures["oldest"]) == (1, unread.received_at)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", "failed old stale accepted"),
        ("verdict=stale", "stale"),
        ("status=failed", "failed"),
        ("event=row.enrichment_failed", "failed"),
        ("event=other", ""),
        ("since=hour", "failed stale accepted"),
        ("since=day", "failed old stale accepted"),
        ("q=row_s", "stale"),
        ("q=row", ""),
        ("verdict=nonsense", "failed old stale accepted"),
        ("verdict=stale&status=failed", ""),
    ],
)
def test_filters(sales_client: Client, query: str, names: str) -> None:
    now = timezone.now()
    rows = {
        "accepted": stored(),
        "stale": stored(verdict="stale", row_id="row_s"),
        "old": stored(received_at=now - datetime.timedelta(hours=5)),
        "failed": stored(status="failed", verdict="", event="row.enrichment_failed"),
    }
    found = sales_client.get(f"/webhooks/?{query}").context["rows"]
    assert {row.pk for row in found} == {rows[name].pk for name in names.split()}


def test_a_row_is_found_by_its_lead_too(sales_client: Client) -> None:
    lead = EnrichedLeadFactory(clay_row_id="row_of_lead")
    delivery = stored(row_id="", lead=lead)
    assert [row.pk for row in sales_client.get("/webhooks/?q=row_of_lead").context["rows"]] == [delivery.pk]


@pytest.mark.parametrize("sort", ["", "oldest"])
def test_pages_by_cursor_show_each_once_and_go_back(sales_client: Client, sort: str) -> None:
    same = timezone.now()  # many in one moment: the id decides
    pks = [stored(received_at=same).pk for _ in range(60)]
    first = sales_client.get(f"/webhooks/?sort={sort}").context
    second = sales_client.get(f"/webhooks/?{first['next_query']}").context
    third = sales_client.get(f"/webhooks/?{second['next_query']}").context
    shown = [row.pk for context in (first, second, third) for row in context["rows"]]
    assert shown == sorted(pks, reverse=not sort)
    assert (first["previous_query"], third["next_query"]) == ("", "")
    back = sales_client.get(f"/webhooks/?{third['previous_query']}").context
    assert [row.pk for row in back["rows"]] == [row.pk for row in second["rows"]]


def test_the_header_turns_the_list_and_keeps_its_filters(sales_client: Client) -> None:
    old = stored(verdict="stale", received_at=timezone.now() - timezone.timedelta(hours=2))
    new = stored(verdict="stale")
    shown = sales_client.get("/webhooks/?verdict=stale")
    assert "/webhooks/?verdict=stale&amp;sort=oldest" in shown.content.decode()
    turned = sales_client.get("/webhooks/?verdict=stale&sort=oldest")
    assert [row.pk for row in turned.context["rows"]] == [old.pk, new.pk]
    assert 'aria-sort="ascending"' in turned.content.decode()
    lines = sales_client.post("/webhooks/export/", {"query": "verdict=stale&sort=oldest"}).getvalue()
    assert [line.split(",")[0] for line in lines.decode().splitlines()[1:]] == [str(old.pk), str(new.pk)]


def test_a_list_costs_the_same_however_long(sales_client: Client) -> None:
    stored()
    sales_client.get("/webhooks/")
    with CaptureQueriesContext(connection) as few:
        sales_client.get("/webhooks/", headers=FRAGMENT)
    for _ in range(30):
        stored()
    with CaptureQueriesContext(connection) as many:
        sales_client.get("/webhooks/", headers=FRAGMENT)
    assert len(many) == len(few)
    assert not any('"body"' in query["sql"] for query in many)


def test_the_export_is_what_is_shown_and_safe(sales_client: Client) -> None:
    stored(verdict="stale", row_id="=cmd()")
    stored()
    answer = sales_client.post("/webhooks/export/", {"query": "verdict=stale"})
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert len(lines) == 2
    assert "'=cmd()" in lines[1]
    assert AuditEvent.objects.filter(verb="export_webhooks", counts={"rows": 1}).exists()


# ---------------------------------------------------------------- the body


def test_the_body_is_masked_until_it_is_asked_for(sales_client: Client, admin_client: Client) -> None:
    delivery = stored(body=event(phone="+14155550101", company_name="Acme Inc"))
    for client in (sales_client, admin_client):
        page = client.get(f"/webhooks/{delivery.pk}/").content.decode()
        assert "john@acme.example" not in page
        assert "johndoe" not in page
        assert "+14155550101" not in page
        assert "Acme Inc" in page
        assert "row_x" in page
    assert not AuditEvent.objects.filter(verb="view_webhook_body").exists()


def test_looking_at_the_body_takes_the_right_and_is_audited(sales_client: Client, admin_client: Client) -> None:
    delivery = stored()
    assert admin_client.post(f"/webhooks/{delivery.pk}/body/").status_code == 302
    shown = sales_client.post(f"/webhooks/{delivery.pk}/body/", headers=FRAGMENT).content.decode()
    assert "john@acme.example" in shown
    [seen] = AuditEvent.objects.filter(verb="view_webhook_body")
    assert (seen.object_id, seen.actor_id) == (
        str(delivery.pk),
        User.objects.get(email="sales@example.com").pk,
    )


# ---------------------------------------------------------------- replay, as far as Clay is not asked


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"{", "a readable event"),
        (event().replace(b"row.enriched", b"row.moved"), "type of event is ignored"),
        (event("row_of_nobody"), "No lead belongs"),
    ],
)
def test_a_replay_that_would_change_nothing_says_so(sales_client: Client, body: bytes, sentence: str) -> None:
    delivery = stored(body=body, verdict="")
    page = sales_client.get(f"/webhooks/{delivery.pk}/replay/").content.decode()
    assert sentence in page
    assert "change nothing" in page


def test_a_replayed_duplicate_or_stale_delivery_would_change_nothing(db: None) -> None:
    lead = EnrichedLeadFactory(clay_row_id="row_x", clay_seen_at=timezone.now())
    first, copy = stored(lead=lead), stored(lead=lead, verdict="duplicate")
    assert replay.forecast(copy).verdict == "duplicate"
    assert f"Identical to webhook {first.pk}" in replay.forecast(copy).sentence
    stale = replay.forecast(first)
    assert (stale.verdict, stale.changes_nothing) == ("stale", True)


def test_the_copy_of_a_failed_delivery_is_no_duplicate(db: None) -> None:
    failed, copy = stored(status="failed", verdict=""), stored(verdict="duplicate")
    assert replay.forecast(copy).verdict == "unknown_row"
    assert replay.forecast(failed).verdict == "unknown_row"


def test_a_paused_vendor_is_not_asked(sales_client: Client) -> None:
    EnrichedLeadFactory(clay_row_id="row_x")
    ServiceHold.objects.create(system="clay", reason="refresh_key", message="the key was refused")
    page = sales_client.get(f"/webhooks/{stored().pk}/replay/").content.decode()
    assert "Clay is paused: API key rejected" in page


def test_a_replay_sets_it_back_once_and_is_audited(sales_client: Client) -> None:
    delivery = stored(status="failed", verdict="", error_kind="internal_error", tries=3)
    sales_client.post(f"/webhooks/{delivery.pk}/replay/")
    sales_client.post(f"/webhooks/{delivery.pk}/replay/")
    delivery.refresh_from_db()
    assert (delivery.status, delivery.error_kind, delivery.tries) == ("received", "", 0)
    assert AuditEvent.objects.filter(verb="replay_webhook", object_id=str(delivery.pk)).count() == 1


@pytest.mark.parametrize(
    ("status", "verdict", "erased"),
    [
        ("received", "", False),
        ("processing", "", False),
        ("processed", "suppressed", False),
        ("processed", "erased", True),
        ("processed", "accepted", True),
        ("failed", "", True),
    ],
)
def test_what_cannot_be_replayed(db: None, status: str, verdict: str, erased: bool) -> None:
    delivery = stored(status=status, verdict=verdict, erased_at=timezone.now() if erased else None)
    with pytest.raises(ActionNotAllowed):
        replay.replay(delivery, by=None)
    assert not AuditEvent.objects.exists()


def test_an_earlier_failed_delivery_is_replayed_beside_its_accepted_copy(db: None) -> None:
    """The failed one brought nothing, so it is read like any other."""
    body = event("row_of_nobody")
    failed, copy = stored(body=body, status="failed", verdict=""), stored(body=body)
    replay.replay(failed, by=None)
    reading.run_due()
    failed.refresh_from_db()
    copy.refresh_from_db()
    assert (failed.verdict, copy.verdict) == ("unknown_row", "accepted")


def test_figures_are_not_counted_at_every_look(sales_client: Client) -> None:
    sales_client.get("/webhooks/figures/")
    stored()
    assert sales_client.get("/webhooks/figures/").context["figures"]["hour"] == 0


def test_the_rows_ask_again_until_none_is_open(sales_client: Client) -> None:
    delivery = WebhookDelivery.objects.create(body=b"{}", body_hash="x")
    page = sales_client.get("/webhooks/?size=50").content.decode()
    assert 'hx-get="/webhooks/?size=50&amp;live=1"' in page
    answer = sales_client.get("/webhooks/?size=50&live=1", headers=FRAGMENT)
    assert 'hx-trigger="every 3s' in answer.content.decode()
    assert "HX-Push-Url" not in answer.headers
    WebhookDelivery.objects.filter(pk=delivery.pk).update(status="processed", verdict="accepted")
    answer = sales_client.get("/webhooks/?size=50&live=1", headers=FRAGMENT)
    assert 'hx-trigger="every 3s' not in answer.content.decode()


def test_changed_columns_are_named_as_people_call_them(sales_client: Client) -> None:
    delivery = stored(changed_fields=["email_personal", "phone"])
    assert "e-mail (personal), phone" in sales_client.get("/webhooks/").content.decode()
    assert "e-mail (personal), phone" in sales_client.get(f"/webhooks/{delivery.pk}/").content.decode()


def test_a_body_with_half_of_a_surrogate_pair_is_shown(sales_client):
    row = stored(body=rb'{"event": "row.enriched", "row_id": "row_\ud800", "data": {"title": "\udfff"}}')
    for address in (f"/webhooks/{row.pk}/", f"/webhooks/{row.pk}/drawer/"):
        answer = sales_client.get(address)
        assert answer.status_code == 200
        assert "row_\\ud800" in answer.content.decode()
    assert sales_client.post(f"/webhooks/{row.pk}/body/", headers=FRAGMENT).status_code == 200


@pytest.mark.parametrize(
    ("verdict", "said", "later"),
    [
        (
            "accepted",
            "The row was fetched from Clay and applied to the lead. The person was erased later",
            True,
        ),
        ("unknown_row", "Clay no longer had it. The person was erased later", True),
        ("erased", "The person was erased before it was processed. Nothing was applied.", False),
    ],
)
def test_what_was_erased_since_keeps_what_became_of_it(sales_client, verdict, said, later):
    row = stored(body=b"", row_id="", verdict=verdict, erased_at=timezone.now())
    for address in (f"/webhooks/{row.pk}/", f"/webhooks/{row.pk}/drawer/"):
        page = sales_client.get(address).content.decode()
        assert said in page
        assert "Erased with the person" in page
    assert ("Person erased later" in sales_client.get("/webhooks/").content.decode()) is later
    assert sales_client.get("/webhooks/figures/").context["figures"]["verdicts"] == {verdict: 1}
    file = b"".join(sales_client.post("/webhooks/export/").streaming_content).decode()
    assert row.erased_at.isoformat() in file


def test_nobody_can_mend_what_is_erased(db):
    stored(status="failed", verdict="", error_kind="internal_error", erased_at=timezone.now())
    stored(verdict="malformed", erased_at=timezone.now())
    assert [source.members().count() for source in SOURCES.values()] == [0] * len(SOURCES)


def test_an_unknown_row_says_whose_it_is_not(sales_client):
    strange, gone = stored(verdict="unknown_row"), stored(verdict="unknown_row", lead=EnrichedLeadFactory())
    for row, said in (
        (strange, "No lead belongs to this row."),
        (gone, "Clay no longer has this lead&#x27;s row"),
    ):
        assert said in sales_client.get(f"/webhooks/{row.pk}/").content.decode()


# ------------------------------------------------------------------ with another connector


def test_an_event_that_only_names_a_row_is_not_replayed_where_rows_cannot_be_read(
    sales_client: Client, table_connector: None
) -> None:
    delivery = stored()
    with pytest.raises(ActionNotAllowed, match="can't be read with this connection"):
        replay.check_can_replay(delivery)
    assert "Submit the lead again instead" in sales_client.get(f"/webhooks/{delivery.pk}/").content.decode()
    replay.check_can_replay(stored(channel="row"))


@pytest.mark.parametrize(("channel", "words"), [("row", "with the row it carries"), ("run", "results Clay still has")])
def test_a_replay_of_a_whole_row_promises_no_fetch(
    sales_client: Client, table_connector: None, channel: str, words: str
) -> None:
    delivery = stored(channel=channel)
    page = sales_client.get(f"/webhooks/{delivery.pk}/replay/").content.decode()
    assert "There is no preview" in page
    assert words in page
    assert "fetched from Clay at that time" not in page


@pytest.mark.parametrize(
    ("channel", "verdict", "words"),
    [
        ("event", "accepted", "The row was fetched from Clay and applied to the lead."),
        ("row", "accepted", "The row in this webhook was applied to the lead."),
        ("row", "unknown_row", "No lead was submitted under this reference."),
        ("row", "test", "A test row. It belongs to no lead."),
        ("row", "suppressed", "The person is suppressed"),
        ("run", "unknown_row", "We started no run with this ID."),
    ],
)
def test_what_came_of_a_delivery_is_said_by_its_door(
    sales_client: Client, channel: str, verdict: str, words: str
) -> None:
    delivery = stored(channel=channel, verdict=verdict)
    assert words in sales_client.get(f"/webhooks/{delivery.pk}/").content.decode()


@pytest.mark.parametrize(
    ("connector", "words"),
    [
        ("table", "The HTTP API column of your Clay table posts each finished row here."),
        ("routine", "Clay can call here when a run is finished."),
        ("rows-api", "Check under Connections that the webhook is registered."),
    ],
)
def test_an_empty_list_says_what_is_to_come(sales_client: Client, settings: Any, connector: str, words: str) -> None:
    settings.CLAY_CONNECTOR = connector
    assert words in sales_client.get("/webhooks/").content.decode()
