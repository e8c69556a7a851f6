"""A delivery that was taken but for what follows it: only the rest is sent again."""

import pytest

from enrichment.models import Disclosure, Handover, Lead


def requests(pipeline, call):
    return pipeline.sandbox.stats()["ghl"]["calls"].get(call, {"requests": 0})["requests"]


def tags_of(pipeline):
    (contact,) = pipeline.sandbox.state("ghl")["contacts"]
    return contact["tags"]


@pytest.mark.parametrize("kind", ["429", "429_no_retry_after", "502", "500", "reset_before_effect"])
def test_a_tag_that_is_refused_sends_no_second_upsert(pipeline, kind):
    pipeline.lead("johndoe", dispatch_priority=20)
    pipeline.sandbox.fault("ghl", kind, call="tags.add", times=2)
    pipeline.settle()
    handover = Handover.objects.get(system="ghl")
    assert (handover.status, handover.differences) == ("done", [])
    assert handover.external_id == Lead.objects.get().ghl_contact_id
    assert requests(pipeline, "contacts.upsert") == 1
    assert requests(pipeline, "tags.add") == 3
    assert tags_of(pipeline)
    assert Disclosure.objects.filter(system="ghl").count() == 1


def test_a_lead_that_changed_meanwhile_is_sent_again(pipeline):
    pipeline.lead("johndoe", dispatch_priority=20)
    pipeline.sandbox.fault("ghl", "429", call="tags.add", times=1, seconds=120.0)
    pipeline.until(lambda: Handover.objects.filter(system="ghl", external_id__gt="", status="planned").exists())
    Lead.objects.update(title="Another title")
    pipeline.settle()
    assert requests(pipeline, "contacts.upsert") == 2


def test_a_contact_that_is_gone_meanwhile_is_made_again(pipeline):
    pipeline.lead("johndoe", dispatch_priority=20)
    pipeline.sandbox.fault("ghl", "429", call="tags.add", times=1, seconds=120.0)
    pipeline.until(lambda: Handover.objects.filter(system="ghl", external_id__gt="", status="planned").exists())
    pipeline.sandbox.ghl.delete(f"/contacts/{Handover.objects.get(system='ghl').external_id}")
    pipeline.settle()
    assert len(pipeline.sandbox.state("ghl")["contacts"]) == 1
    assert Handover.objects.get(system="ghl").status == "done"


def test_what_reached_them_is_disclosed_though_the_rest_is_never_taken(pipeline):
    pipeline.lead("johndoe", dispatch_priority=20)
    pipeline.sandbox.fault("ghl", "400", call="tags.add", times=100)
    pipeline.settle()
    assert Handover.objects.get(system="ghl").status == "failed"
    (contact,) = pipeline.sandbox.state("ghl")["contacts"]
    assert Lead.objects.get().ghl_contact_id == contact["id"], "or nobody could delete it there"
    told = Disclosure.objects.get(system="ghl")
    assert "email" in told.fields
