"""Keys of programs: shown once, kept as a hash, found in constant time, revocable."""

import datetime
import io

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from swarm_admin.access.models import ApiKey, Scope, find_key

pytestmark = pytest.mark.django_db


def issue(**changes: object) -> tuple[ApiKey, str]:
    arguments = {"name": "Hunter Agent", "scopes": ["leads:write"], "by": None} | changes
    return ApiKey.issue(**arguments)


def test_plaintext_is_in_no_column() -> None:
    key, plaintext = issue()
    stored = " ".join(str(value) for value in ApiKey.objects.filter(pk=key.pk).values().get().values())
    assert plaintext not in stored
    assert plaintext.startswith(key.prefix)


def test_key_is_found_by_its_plaintext_alone() -> None:
    key, plaintext = issue()
    issue()
    assert find_key(plaintext) == key
    assert find_key(plaintext[:-1]) is None
    assert find_key(plaintext + "x") is None
    assert find_key(key.key_hash) is None
    assert find_key("") is None


def test_same_prefix_is_not_the_same_key() -> None:
    key, plaintext = issue()
    other, _ = issue()
    ApiKey.objects.filter(pk=other.pk).update(prefix=key.prefix)
    assert find_key(plaintext) == key


def test_revoked_key_opens_nothing() -> None:
    key, plaintext = issue()
    key.revoke()
    revoked_at = key.revoked_at
    key.revoke()
    assert find_key(plaintext) is None
    assert not key.allows("leads:write")
    assert key.revoked_at == revoked_at


def test_scopes_hold() -> None:
    key, _ = issue(scopes=["leads:read"])
    assert key.allows(Scope.LEADS_READ)
    assert not key.allows(Scope.LEADS_WRITE)


@pytest.mark.parametrize("scopes", [[], ["leads:delete"], ["leads:read", "everything"]])
def test_unknown_scopes_are_refused(scopes: list[str]) -> None:
    with pytest.raises(ValueError, match="leads:read, leads:write"):
        issue(scopes=scopes)


def test_use_is_noted_to_the_minute() -> None:
    key, plaintext = issue()
    find_key(plaintext)
    key.refresh_from_db()
    first = key.last_used_at
    assert timezone.now() - first < datetime.timedelta(minutes=1)
    find_key(plaintext)
    key.refresh_from_db()
    assert key.last_used_at == first


def test_command_prints_a_working_key() -> None:
    out = io.StringIO()
    call_command("create_api_key", "Hunter Agent", "--scope", "leads:write", "--scope", "leads:read", stdout=out)
    key = find_key(out.getvalue().strip())
    assert key.name == "Hunter Agent"
    assert key.scopes == ["leads:read", "leads:write"]


def test_command_wants_a_scope() -> None:
    with pytest.raises(CommandError):
        call_command("create_api_key", "Hunter Agent")
