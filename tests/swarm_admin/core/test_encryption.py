import pytest

from swarm_admin.core import encryption


def test_a_secret_comes_back_and_is_not_in_what_is_kept():
    kept = encryption.encrypt("clay-token")
    assert b"clay-token" not in kept
    assert encryption.decrypt(kept) == "clay-token"
    assert encryption.decrypt(memoryview(kept)) == "clay-token"
    assert encryption.encrypt("clay-token") != kept


def test_nothing_stays_nothing():
    assert encryption.encrypt("") == b""
    assert encryption.decrypt(b"") == ""


def test_an_older_key_still_opens_and_a_lost_one_says_so(settings):
    settings.SECRET_KEY = "first-" * 10
    kept = encryption.encrypt("clay-token")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "second-" * 10, ["first-" * 10]
    assert encryption.decrypt(kept) == "clay-token"
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(encryption.Unreadable):
        encryption.decrypt(kept)
