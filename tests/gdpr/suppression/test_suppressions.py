"""The list as officers work with it: every look and every change is recorded, and names nobody."""

import pytest

from gdpr.identity import Identity
from gdpr.models import AuditEvent, Suppression
from gdpr.suppression import gate, suppressions
from gdpr.suppression.suppressions import KeyUse
from swarm_admin.core.errors import ActionNotAllowed

pytestmark = pytest.mark.django_db
KIM = Identity("https://www.linkedin.com/in/kim", ("kim@home.example",))


def test_a_person_is_found_by_any_identifier_and_only_while_blocked():
    gate.suppress(KIM, reason="erasure")
    gate.suppress(Identity(emails=("other@home.example",)), reason="erasure")
    assert len(suppressions.look_up(KIM, by=None)) == 2
    (found,) = suppressions.look_up(Identity(emails=("KIM@home.example",)), by=None)
    Suppression.objects.filter(pk=found.pk).update(released_at="2026-01-01T00:00:00Z")
    assert suppressions.look_up(Identity(emails=("kim@home.example",)), by=None) == []
    events = AuditEvent.objects.filter(verb="look_up_suppression").order_by("pk")
    assert [event.counts for event in events] == [{"found": 2}, {"found": 1}, {"found": 0}]


def test_somebody_is_blocked_for_a_reason_and_by_an_identifier():
    assert suppressions.add(KIM, reason="  asked us by telephone ", by=None) == 2
    assert set(Suppression.objects.values_list("reason", flat=True)) == {"asked us by telephone"}
    with pytest.raises(ActionNotAllowed, match="without naming the person"):
        suppressions.add(KIM, reason=" no ", by=None)
    with pytest.raises(ActionNotAllowed, match="at most 64"):
        suppressions.add(KIM, reason="x" * 65, by=None)
    with pytest.raises(ActionNotAllowed, match="Enter an e-mail address"):
        suppressions.add(Identity(), reason="asked us", by=None)


def test_who_is_released_comes_in_again_and_can_be_blocked_again():
    gate.suppress(KIM, reason="erasure")
    ids = list(Suppression.objects.values_list("pk", flat=True))
    with pytest.raises(ActionNotAllowed, match="Enter a reason for the release"):
        suppressions.release(ids, reason="", by=None)
    assert suppressions.release([*ids, 999_999], reason="asked to be back", by=None) == 2
    assert gate.look_up([KIM]) == set()
    assert suppressions.release(ids, reason="asked to be back", by=None) == 0
    (event,) = AuditEvent.objects.filter(verb="release_suppression")
    assert (event.counts, event.reason) == ({"identifiers": 2}, "asked to be back")
    assert gate.suppress(KIM, reason="objection") == 2
    assert gate.look_up([KIM]) == {0}


def test_the_figures_tell_the_living_from_the_released():
    assert suppressions.figures() == {"live": 0, "released": 0, "blocked": 0}
    gate.suppress(KIM, reason="erasure")
    first = Suppression.objects.order_by("pk")[0]
    Suppression.objects.filter(pk=first.pk).update(blocked_count=3, released_at="2026-01-01T00:00:00Z")
    Suppression.objects.exclude(pk=first.pk).update(blocked_count=4)
    assert suppressions.figures() == {"live": 1, "released": 1, "blocked": 7}


def test_every_key_that_stands_anywhere_is_told_with_what_it_holds(settings):
    settings.IDENTITY_HASH_KEYS = "gone:a-third-key"
    gate.suppress(Identity(phone="+4930123456"), reason="erasure")
    settings.IDENTITY_HASH_KEYS = "old:first-key"
    gate.suppress(KIM, reason="erasure")
    settings.IDENTITY_HASH_KEYS = "new:second-key,old:first-key"
    assert suppressions.key_use() == [
        KeyUse("new", 0, writes=True, is_live=True),
        KeyUse("old", 2, writes=False, is_live=True),
        KeyUse("gone", 1, writes=False, is_live=False),
    ]
    Suppression.objects.filter(key_id="gone").update(released_at="2026-01-01T00:00:00Z")
    assert [use.key_id for use in suppressions.key_use()] == ["new", "old"]
