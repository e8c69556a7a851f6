"""Requests and suppressions that were stored before an address had one key."""

import importlib

import pytest
from django.db import connection

from gdpr.identity import Identity, digest, digests, keys
from gdpr.models import FoundRecord, SubjectRequest, Suppression
from gdpr.requests.pipeline.open import identity_hashes
from gdpr.suppression import gate

pytestmark = pytest.mark.django_db
OLD, KEY = "dora@müller.de", "dora@xn--mller-kva.de"
HIDDEN = "dora\u200b@acme.example"


def bring_over():
    step = importlib.import_module("gdpr.migrations.0011_why_a_record_is_removed").bring_over
    after = 0
    while after is not None:
        with connection.cursor() as cursor:
            after = step(cursor, after)


def hashed(address):
    return digest(f"email:{address}", keys()[0][1])


def stored(address, **values):
    """As a release stored it that hashed an address as it was spelt."""
    other = digest("phone:+14155551234", keys()[0][1])
    return SubjectRequest.objects.create(
        kind="erasure", calendar="DE", received_at="2026-01-15T10:00:00Z", due_on="2026-02-15", emails=[address],
        identity_hashes=sorted([hashed(address), other]), **values,
    )  # fmt: skip


@pytest.mark.parametrize(("old", "key"), [(OLD, KEY), (HIDDEN, "dora@acme.example")])
def test_a_stored_request_is_found_by_the_key_of_its_address(old, key):
    request = stored(old)
    bring_over()
    request.refresh_from_db()
    assert hashed(key) in request.identity_hashes
    assert hashed(old) not in request.identity_hashes
    assert len(request.identity_hashes) == 2  # the phone's stays
    found = SubjectRequest.objects.of_identity(list(digests(Identity(emails=(old,)).identifiers())))
    assert list(found) == [request]
    assert set(identity_hashes(Identity(emails=(key,)))) <= set(request.identity_hashes)


def test_whoever_is_suppressed_under_the_older_spelling_is_under_the_key_too():
    stored(HIDDEN)
    record = FoundRecord.objects.create(
        request=stored("other@acme.example"), store="mirror", key_hash="x", identifiers={"emails": [OLD]}
    )
    for address in (HIDDEN, OLD):
        Suppression.objects.create(identifier_hash=hashed(address), key_id=keys()[0][0], reason="erasure")
    bring_over()
    live = set(Suppression.objects.values_list("identifier_hash", flat=True))
    assert live == {hashed(each) for each in (HIDDEN, OLD, KEY, "dora@acme.example")}
    seen = Identity("https://www.linkedin.com/in/x", ("dora@acme.example",))
    assert gate.look_up([seen]) == {0}
    assert record.identity.emails == (KEY,)


def test_done_twice_it_changes_nothing_more():
    request = stored(OLD)
    bring_over()
    before = SubjectRequest.objects.get(pk=request.pk).identity_hashes
    bring_over()
    assert SubjectRequest.objects.get(pk=request.pk).identity_hashes == before


def test_what_was_released_stays_released():
    stored(OLD)
    Suppression.objects.create(
        identifier_hash=hashed(OLD),
        key_id=keys()[0][0],
        reason="objection",
        released_at="2026-01-15T10:00:00Z",
    )
    bring_over()
    assert not Suppression.objects.filter(released_at=None).exists()
