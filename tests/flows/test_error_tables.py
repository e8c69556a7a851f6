"""Every row of the three error tables, from the vendor's answer to what staff see."""

import pytest
from django.utils import timezone

from enrichment.failures import groups as failures
from enrichment.models import Attempt, Handover, Lead, ServiceHold, WebhookDelivery
from enrichment.vendor_pauses import pauses
from enrichment.vendors import registry
from enrichment.vendors.errors import Recovery, UnknownOutcome

# What comes of it, by the specification and what is known beside it. "later": done in the end, once.
# "held X": every call to the vendor stops for the reason X. "failed X": on Failures for the reason X.
MOVED = dict.fromkeys((301, 302, 303, 307, 308), "held check_address")
UNKNOWN = {418: "failed needs_person", 599: "failed needs_person"}
CLAY = {
    **MOVED,
    **UNKNOWN,
    400: "failed set_aside",
    401: "held refresh_key",
    402: "held credits",
    403: "held pause_until_reset",
    404: "unenrichable",
    405: "failed by_hand",
    413: "failed set_aside",
    422: "failed set_aside",
    429: "later",
    500: "later",
    501: "failed by_hand",
    502: "later",
    503: "later",
    504: "later",
}
INSTANTLY = {
    **MOVED,
    **UNKNOWN,
    400: "failed set_aside",
    401: "held refresh_key",
    402: "held credits",
    403: "held refresh_key",
    404: "failed gone",
    405: "failed by_hand",
    422: "failed set_aside",
    429: "later",
    500: "later",
    501: "failed by_hand",
    502: "later",
    503: "later",
    504: "later",
}
GHL = {**INSTANTLY, 422: "later"}  # it may have made the contact: looked up first
ROWS = {**CLAY, 404: "held check_address"}  # it names no row: the table is wrong
CALLS = {
    ("clay", "rows.create"): ROWS,
    ("clay", "enrich"): CLAY,
    ("ghl", "contacts.upsert"): GHL,
    ("instantly", "leads.create"): INSTANTLY,
}
# Where the contract's own words for a status matter more than the status.
WORDS = {"clay": {402: "402_credits", 403: "403_quota"}}
EACH = [(vendor, call, status, told) for (vendor, call), rows in CALLS.items() for status, told in rows.items()]


def test_no_row_of_the_tables_is_left_out():
    for (vendor, _), rows in CALLS.items():
        assert set(registry.get(vendor).rules) == set(rows) - set(UNKNOWN)


def spoil(pipeline, vendor, call, status, **more):
    kind = WORDS.get(vendor, {}).get(status, "status")
    told = {"status": status} if kind == "status" else {}
    pipeline.sandbox.fault(vendor, kind, call=call, **told, **more)


def quiet_or_held(pipeline):
    return pipeline.quiet() or ServiceHold.objects.filter(lifted_at__isnull=True).exists()


def assert_done_once(pipeline):
    lead, state = Lead.objects.get(), pipeline.sandbox.state
    assert lead.enrichment_status == "completed"
    assert [row["id"] for row in state("clay")["tables"]["tbl_test"]] == [lead.clay_row_id]
    assert [contact["id"] for contact in state("ghl")["contacts"]] == [lead.ghl_contact_id]
    assert [entry["id"] for entry in state("instantly")["leads"]] == [lead.instantly_lead_id]
    assert pipeline.sandbox.stats()["clay"]["enriched"] == 1
    failures.forget_groups()
    assert failures.all_groups() == []


@pytest.mark.parametrize(("vendor", "call", "status", "told"), EACH)
def test_one_such_answer(pipeline, vendor, call, status, told):
    pipeline.lead("johndoe", dispatch_priority=20)
    spoil(pipeline, vendor, call, status, times=1)
    pipeline.until(lambda: quiet_or_held(pipeline))
    if told.startswith("held "):
        hold = ServiceHold.objects.get()
        assert (hold.system, hold.reason) == (vendor, told.removeprefix("held "))
        assert (hold.until is not None) == (told in ("held pause_until_reset", "held credits"))
        pauses.end_pause(hold)
        pipeline.settle()
    if told.startswith("failed "):
        failures.forget_groups()
        (group,) = failures.all_groups()
        what = "enrichment" if vendor == "clay" else vendor
        assert (group.cause.what, group.cause.kind, group.count) == (what, told.removeprefix("failed "), 1)
        assert group.cause.advice
        assert not ServiceHold.objects.exists()
    elif told == "unenrichable":
        lead = Lead.objects.get()
        assert (lead.enrichment_status, lead.error_kind, lead.needs_person) == (told, told, False)
    else:
        assert_done_once(pipeline)


@pytest.mark.parametrize(("call", "alone"), [("rows.create", "clay.creates"), ("enrich", "clay.triggers")])
def test_a_call_that_nobody_has_answered_pauses_what_goes_unanswered_and_fails_no_lead(pipeline, call, alone):
    """Clay as a whole while nothing else is answered, then what sends nothing but this."""
    pipeline.lead("johndoe", dispatch_priority=20)
    spoil(pipeline, "clay", call, 503)
    pipeline.until(lambda: ServiceHold.objects.filter(lifted_at__isnull=False).count() > 1)
    told = set(ServiceHold.objects.values_list("system", "reason"))
    assert told <= {("clay", "vendor_down"), (alone, "vendor_down")}
    failures.forget_groups()
    assert failures.all_groups() == []
    pipeline.sandbox.no_faults()
    pipeline.settle()
    assert_done_once(pipeline)


READS = {
    400: "set_aside", 404: "unknown_row", 405: "by_hand", 418: "needs_person",
    429: "accepted", 500: "accepted", 502: "accepted", 503: "accepted", 504: "accepted",
}  # fmt: skip


@pytest.mark.parametrize(("status", "told"), READS.items())
def test_a_full_row_that_cannot_be_read(pipeline, status, told):
    """The webhook is kept with its reason or its verdict; the lead comes by polling where it was no use."""
    pipeline.lead("johndoe", dispatch_priority=20)
    spoil(pipeline, "clay", "rows.get", status, times=1)
    pipeline.until(lambda: WebhookDelivery.objects.filter(status__in=("processed", "failed")).exists())
    pipeline.until(lambda: Attempt.objects.filter(status="succeeded").exists())
    delivery = WebhookDelivery.objects.get()
    assert told in (delivery.verdict, delivery.error_kind)
    assert Lead.objects.get().enrichment_status == "completed"


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_write_back_that_fails_is_made_later(pipeline, status):
    pipeline.lead("johndoe", dispatch_priority=20)
    spoil(pipeline, "clay", "rows.update_many", status, times=1)
    pipeline.settle()
    (row,) = pipeline.sandbox.state("clay")["tables"]["tbl_test"]
    lead = Lead.objects.get()
    assert (row["ghl_contact_id"], row["instantly_lead_id"]) == (lead.ghl_contact_id, lead.instantly_lead_id)


def test_a_quota_that_resets_resumes_by_itself(pipeline):
    pipeline.lead("johndoe", dispatch_priority=20)
    spoil(pipeline, "clay", "enrich", 403, times=1)
    pipeline.until(lambda: ServiceHold.objects.exists())
    assert ServiceHold.objects.get().until > timezone.now()
    ServiceHold.objects.update(until=timezone.now())
    pipeline.settle()
    assert_done_once(pipeline)


def test_a_provider_that_times_out_is_skipped_by_the_next_attempt(pipeline):
    pipeline.lead("johndoe", dispatch_priority=20)
    pipeline.sandbox.fault("clay", "504", call="enrich", provider="apollo", times=1)
    pipeline.settle()
    assert_done_once(pipeline)
    assert Attempt.objects.get(status="succeeded").skip_providers == ["apollo"]


def test_a_422_that_made_the_contact_is_found_and_not_made_again(pipeline):
    pipeline.lead("johndoe", dispatch_priority=20)
    pipeline.sandbox.fault("ghl", "422_list", call="contacts.upsert", effect=True, times=1)
    pipeline.settle()
    assert_done_once(pipeline)
    assert pipeline.sandbox.stats()["ghl"]["calls"]["contacts.upsert"]["requests"] == 1


def test_a_422_that_stays_is_told_as_the_refusal_it_was(pipeline):
    """Looked for after each, and nobody was made: the vendor's sentence is what a person needs."""
    pipeline.lead("johndoe", dispatch_priority=20)
    pipeline.sandbox.fault("ghl", "422_list", call="contacts.upsert")
    pipeline.until(lambda: Handover.objects.filter(system="ghl", status="failed").exists())
    failed = Handover.objects.get(system="ghl")
    assert failed.error_kind == "set_aside"
    assert failed.error_message.startswith("ghl upsert_contact: 422 ")
    failures.forget_groups()
    (group,) = failures.all_groups()
    assert group.cause.title.endswith("data rejected")
    assert pipeline.sandbox.state("ghl")["contacts"] == []


def test_an_upsert_without_an_answer_stays_unknown():
    error = UnknownOutcome("ghl", "upsert_contact", 502, recovery=Recovery.READ_BACK)
    assert error.given_up_as == "read_back"
    assert UnknownOutcome("ghl", "upsert_contact", recovery=Recovery.READ_BACK).given_up_as == "read_back"


def test_a_422_of_the_look_up_does_not_stop_the_delivery(pipeline):
    """The look-up refuses an address it cannot parse: the upsert, which takes it or names the reason, decides."""
    pipeline.lead("johndoe", dispatch_priority=20)
    pipeline.sandbox.fault("ghl", "reset_before_effect", call="contacts.upsert", times=1)
    pipeline.sandbox.fault("ghl", "422_list", call="contacts.search", times=1)
    pipeline.settle()
    assert_done_once(pipeline)
    assert Handover.objects.get(system="ghl").status == "done"
