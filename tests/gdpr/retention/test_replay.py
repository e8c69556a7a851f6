"""After a restore everybody on the suppression list is erased again."""

import pytest
from django.utils import timezone

from gdpr.identity import Identity
from gdpr.models import LegalHold
from gdpr.retention import replay
from gdpr.stores import Capability, RetryLater, Unsupported
from gdpr.suppression import gate
from tests.gdpr.fake_source import DAY

pytestmark = pytest.mark.django_db


def test_after_a_restore_everyone_on_the_list_is_erased_again(source, crm):
    source.add("1", mail="ada@x.example")
    source.add("2", mail="bob@x.example")
    crm.keys = {"c1", "c2"}
    gate.suppress(Identity(emails=("ada@x.example",)), reason="erasure")
    assert replay.run(for_real=False).suppressed == 1
    assert source.home.keys == {"1", "2"}
    first = replay.run(for_real=True)
    assert (first.looked_at, first.suppressed, first.erased, first.not_erased) == (2, 1, 2, [])
    assert (source.home.keys, crm.keys) == ({"2"}, {"c2"})
    assert replay.run(for_real=True).suppressed == 0


@pytest.mark.parametrize("fault", [RetryLater("It is down"), Unsupported(Capability.ERASE)])
def test_what_cannot_be_erased_now_is_told_and_ours_still_leads_there(source, crm, fault):
    source.add("1", mail="ada@x.example")
    gate.suppress(Identity(emails=("ada@x.example",)), reason="erasure")
    crm.fault = fault
    result = replay.run(for_real=True)
    assert len(result.not_erased) == 1
    assert result.not_erased[0].startswith("crm c1: ")
    assert source.home.keys == {"1"}


def test_a_held_record_survives_a_replay_and_an_objector_is_stopped_not_erased(source, crm):
    source.add("1", mail="ada@x.example")
    source.add("2", mail="bob@x.example")
    crm.keys = {"c1", "c2"}
    stopped = []
    crm.restrict = source.home.restrict = lambda record, ground: stopped.append((record.key, str(ground)))
    LegalHold.objects.create(store="crm", key="c1", reason="a dispute", review_on=timezone.now().date() + DAY)
    gate.suppress(Identity(emails=("ada@x.example",)), reason="erasure")
    gate.suppress(Identity(emails=("bob@x.example",)), reason="objection")
    result = replay.run(for_real=True)
    assert (result.under_hold, result.erased, result.restricted, result.not_erased) == (1, 0, 2, [])
    assert crm.keys == {"c1", "c2"}
    assert stopped == [("c2", "objection"), ("2", "objection")]


def test_one_record_that_cannot_be_erased_keeps_nobody_else_from_it(source, crm):
    for key in ("1", "2"):
        source.add(key, mail=f"{key}@x.example")
        gate.suppress(Identity(emails=(f"{key}@x.example",)), reason="erasure")
    crm.keys = {"c1", "c2"}
    erase = crm.erase

    def faulty(record):
        if record.key == "c1":
            raise ValueError("1@x.example")
        erase(record)

    crm.erase = faulty
    result = replay.run(for_real=True)
    assert result.not_erased == ["crm c1: failed (ValueError)"]
    assert source.home.keys == {"1"}
