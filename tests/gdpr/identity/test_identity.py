"""The keys people are hashed under: every pair whole, or none taken."""

import pytest

from gdpr.identity import parse_keys


def test_keys_keep_their_order() -> None:
    assert parse_keys("new:second-key, old:first-key") == [("new", b"second-key"), ("old", b"first-key")]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "pair 1 lacks its id or key"),
        ("nokey", "pair 1 lacks its id or key"),
        (":secret-key", "pair 1 lacks its id or key"),
        ("k1:", "pair 1 lacks its key"),
        ("k1: ", "pair 1 lacks its key"),
        (",k1:secret-key", "pair 1 lacks its id or key"),
        ("k1:secret-key,", "pair 2 lacks its id or key"),
        ("k1:secret:key", "pair 1 has more than one colon"),
        ("k1:secret-key,k1:other-key", "pair 2 has the id of another one"),
    ],
)
def test_pair_that_is_not_whole_is_refused_without_its_text(text: str, what: str) -> None:
    with pytest.raises(ValueError, match=what) as refused:
        parse_keys(text)
    assert "secret" not in str(refused.value)


def test_short_key_is_refused_where_a_length_is_asked() -> None:
    assert parse_keys("k1:short") == [("k1", b"short")]
    with pytest.raises(ValueError, match="the key of pair 1 has fewer than 16 characters"):
        parse_keys("k1:short", shortest=16)
