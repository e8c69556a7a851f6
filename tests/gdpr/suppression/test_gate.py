"""Whom the gate stops, and that it keeps nothing of them."""

import pytest
from django.contrib.auth import get_user_model

from gdpr.identity import Identity
from gdpr.models import AuditEvent, Suppression
from gdpr.suppression import gate

PERSON = Identity("https://www.linkedin.com/in/Kim", ("Kim@Example.com", "kim@home.example"), "+4930123456")


@pytest.mark.parametrize(
    "seen",
    [
        Identity("https://www.linkedin.com/in/kim"),
        Identity(emails=(" kim@example.COM ",)),
        Identity(emails=("kim@home.example",)),
        Identity(phone="+4930123456"),
    ],
)
def test_any_one_identifier_is_enough(db, seen, django_capture_on_commit_callbacks):
    gate.suppress(PERSON, reason="erasure")
    with django_capture_on_commit_callbacks(execute=True):
        assert gate.screen([Identity("https://www.linkedin.com/in/other"), seen], "intake") == {1}
    assert Suppression.objects.filter(blocked_count=1).count() == 1


def test_an_equal_text_of_another_kind_is_not_the_same_person(db):
    gate.suppress(Identity(phone="+4930123456"), reason="erasure")
    assert gate.screen([Identity(emails=("+4930123456",))], "mirror") == set()


def test_only_hashes_are_kept(db):
    gate.suppress(PERSON, reason="erasure")
    kept = str(list(Suppression.objects.values())) + str(list(AuditEvent.objects.values()))
    assert "kim" not in kept.lower()
    assert "4930123456" not in kept


def test_suppressing_twice_adds_nothing(db):
    assert gate.suppress(PERSON, reason="erasure") == 4
    assert gate.suppress(PERSON, reason="erasure") == 0


def test_a_rotated_key_still_finds_what_the_old_one_wrote(db, settings):
    settings.IDENTITY_HASH_KEYS = "old:first-key"
    gate.suppress(PERSON, reason="erasure")
    settings.IDENTITY_HASH_KEYS = "new:second-key,old:first-key"
    assert gate.screen([PERSON], "delivery") == {0}
    gate.suppress(Identity(phone="+49301"), reason="objection")
    assert Suppression.objects.get(reason="objection").key_id == "new"


def test_a_released_suppression_stops_nobody(db):
    gate.suppress(PERSON, reason="erasure")
    Suppression.objects.update(released_at="2026-01-01T00:00:00Z")
    assert gate.screen([PERSON], "intake") == set()


@pytest.mark.parametrize("purpose", ["intake", "enrichment", "mirror", "delivery"])
def test_it_is_asked_for_four_purposes(db, purpose):
    gate.suppress(PERSON, reason="erasure")
    assert gate.screen([PERSON], purpose) == {0}


def test_the_reasons_are_told_of_who_is_stopped_and_of_nobody_else(db):
    gate.suppress(PERSON, reason="erasure")
    switchboard = Identity("https://www.linkedin.com/in/other", phone="+4930123456")
    assert gate.reasons([switchboard, PERSON]) == {1: {"erasure"}}
    gate.suppress(Identity(emails=("new@home.example",)), reason="objection")
    both = Identity("https://www.linkedin.com/in/Kim", ("new@home.example",))
    assert gate.reasons([both]) == {0: {"erasure", "objection"}}
    assert not Suppression.objects.filter(blocked_count__gt=0).exists()


def test_an_unknown_purpose_is_refused(db):
    with pytest.raises(ValueError, match="purpose"):
        gate.screen([PERSON], "curiosity")


def test_a_look_up_finds_the_same_and_counts_nothing(db):
    gate.suppress(PERSON, reason="erasure")
    assert gate.look_up([Identity("https://www.linkedin.com/in/other"), PERSON]) == {1}
    assert not Suppression.objects.filter(blocked_count__gt=0).exists()


# ------------------------------------------------------------------ its counters


def counted() -> list[int]:
    return sorted(Suppression.objects.values_list("blocked_count", flat=True))


def test_every_suppression_counts_every_time_it_stopped_somebody(db, django_capture_on_commit_callbacks):
    gate.suppress(Identity("https://www.linkedin.com/in/kim", ("kim@home.example",)), reason="erasure")
    gate.suppress(Identity("https://www.linkedin.com/in/bystander"), reason="erasure")
    both = Identity("https://www.linkedin.com/in/kim", ("kim@home.example",))
    by_mail, nobody = Identity(emails=("kim@home.example",)), Identity("https://www.linkedin.com/in/nobody")
    with django_capture_on_commit_callbacks(execute=True):
        assert gate.screen([both, nobody, by_mail], "intake") == {0, 2}
    assert counted() == [0, 1, 2]
    with django_capture_on_commit_callbacks(execute=True):
        gate.screen([by_mail], "delivery")
    assert counted() == [0, 1, 3]


def test_it_counts_after_the_commit_and_not_at_all_where_nobody_is_stopped(db, django_capture_on_commit_callbacks):
    gate.suppress(PERSON, reason="erasure")
    with django_capture_on_commit_callbacks() as waiting:
        gate.screen([PERSON], "mirror")
        gate.screen([Identity("https://www.linkedin.com/in/other")], "mirror")
    assert len(waiting) == 1
    assert counted() == [0, 0, 0, 0]


def test_a_shared_number_that_is_left_out_counts_and_a_released_one_does_not(db, django_capture_on_commit_callbacks):
    gate.suppress(Identity(phone="+4930123456"), reason="erasure")
    gate.suppress(Identity(emails=("free@home.example",)), reason="objection")
    Suppression.objects.filter(reason="objection").update(released_at="2026-01-01T00:00:00Z")
    seen = Identity("https://www.linkedin.com/in/other", ("free@home.example",), "+4930123456")
    with django_capture_on_commit_callbacks(execute=True):
        screening = gate.examine([seen], "delivery")
    assert (screening.blocked, screening.shared) == (set(), {0: {"phone:+4930123456"}})
    assert {each.reason: each.blocked_count for each in Suppression.objects.all()} == {"erasure": 1, "objection": 0}


# ------------------------------------------------------------------ what others have too


def test_an_offices_address_or_a_number_stops_only_who_has_nothing_else(db):
    gate.suppress(Identity("https://www.linkedin.com/in/kim", ("info@acme.example",), "+4930123456"), reason="erasure")
    colleague = Identity("https://www.linkedin.com/in/lee", ("info@acme.example",), "+4930123456")
    found = gate.shared_on_list([colleague, Identity(emails=("info@acme.example",), phone="+4930123456")])
    assert found.blocked == {1}
    assert found.shared == {0: {"email:info@acme.example", "phone:+4930123456"}}


def test_a_persons_own_address_stops_whoever_else_has_it(db):
    gate.suppress(PERSON, reason="erasure")
    assert gate.look_up([Identity("https://www.linkedin.com/in/lee", ("kim@home.example",), "+4930123456")]) == {0}


def test_who_suppresses_is_recorded_without_the_person(make_client):
    make_client()
    officer = get_user_model().objects.get()
    gate.suppress(PERSON, reason="objection", by=officer)
    event = AuditEvent.objects.get(verb="suppress")
    assert (event.actor_id, event.counts, event.reason) == (officer.pk, {"identifiers": 4}, "objection")
