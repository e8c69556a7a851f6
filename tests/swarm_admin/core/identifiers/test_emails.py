"""One mailbox, one key; whatever way its address was written."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swarm_admin.core.identifiers import emails

SAME = (
    ("dora@xn--mller-kva.de", "dora@müller.de", "DORA@MÜLLER.DE", "dora@mu\u0308ller.de", "dora@müller。de"),
    (
        "stay-away@acme.example", "stay-away@acme.example\u200b", "stay-away@acme.example\u202e",
        "Stay-Away@ACME.example", " mailto:stay-away@acme.example", "stay\u00ad-away@acme\u2060.example.",
        "\ufeffstay-away@acme.example",
    ),
    ("weg@müller-bau.example", "weg@xn--mller-bau-q9a.example"),
    ("josé@example.com", "jose\u0301@example.com", "JOSÉ@example.com"),
    ("a@xn--n3h.net", "a@☃.net"),
)  # fmt: skip
APART = (
    ("a+b@example.com", "ab@example.com"),
    ("a.b@example.com", "ab@example.com"),
    ("josé@example.com", "jose@example.com"),
    ("a@straße.de", "a@strasse.de"),
    ("ß@example.com", "ss@example.com"),
)
NONE = (
    "", "@", "a@", "@b.de", "a b@c.de", "a@b", "a@b c.de", "a@@b.de", "null", "a@-b.de", "a@b..de", "a..b@c.de",
    ".a@c.de", "a@" + "b" * 300 + ".de", "x" * 65 + "@example.com", "🚀@example.com",
)  # fmt: skip

locals_ = st.text(alphabet="abcXYZ019.+-_äÖßıİéńЖ字", min_size=1, max_size=20)
hosts = st.sampled_from(
    (
        "example.com",
        "MÜLLER.de",
        "straße.de",
        "xn--mller-kva.de",
        "日本語.jp",
        "faß.de",
        "☃.net",
        "ΒΌΛΟΣ.com",
        "nic.İo",
    )
)
invisible = st.text(alphabet="\u200b\u200c\u200d\u200e\u202e\u2060\ufeff\u00ad", max_size=3)


@pytest.mark.parametrize("written", SAME)
def test_one_mailbox_has_one_key(written: tuple[str, ...]) -> None:
    assert len({emails.canonical(each) for each in written}) == 1


@pytest.mark.parametrize(("one", "other"), APART)
def test_two_mailboxes_have_two_keys(one: str, other: str) -> None:
    assert emails.canonical(one) != emails.canonical(other)


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        emails.canonical(text)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(local=locals_, host=hosts, noise=st.lists(invisible, min_size=4, max_size=4))
def test_the_key_is_a_fixed_point_and_knows_no_case_form_or_noise(local: str, host: str, noise: list[str]) -> None:
    try:
        key = emails.canonical(f"{local}@{host}")
    except ValueError:
        return
    noisy = f"{noise[0]}{local[:1]}{noise[1]}{local[1:]}@{noise[2]}{host}{noise[3]}"
    assert emails.canonical(key) == key
    assert emails.canonical(noisy) == key
    assert emails.canonical(emails.readable(key)) == key
    assert key.partition("@")[2].isascii()


def test_the_readable_form_has_its_own_script() -> None:
    assert emails.readable("dora@xn--mller-kva.de") == "dora@müller.de"
    assert emails.readable("dora@example.com") == "dora@example.com"
    assert emails.readable("dora@xn--zzzzzzzzz99.de") == "dora@xn--zzzzzzzzz99.de"


def test_older_software_sends_to_another_host() -> None:
    assert emails.spellings("a@straße.de") == ("a@xn--strae-oqa.de", "a@strasse.de")
    assert emails.spellings("a@müller.de") == ("a@xn--mller-kva.de",)
    assert emails.spellings("a@example.com") == ("a@example.com",)


def test_a_long_text_is_refused_before_anything_is_encoded() -> None:
    with pytest.raises(ValueError, match="254"):
        emails.canonical("ü" * 1_000_000)


def test_a_host_in_wide_letters_is_mapped_before_anything_older_is_tried() -> None:
    assert emails.canonical("a@\uff53traße.de") == emails.canonical("a@straße.de") == "a@xn--strae-oqa.de"


def test_a_mailto_in_any_case_is_no_part_of_it() -> None:
    assert emails.canonical("MailTo: a@b.de") == "a@b.de"
    assert emails.canonical("mail+to@b.de") == "mail+to@b.de"


def test_the_limits_of_length_are_those_of_the_standards() -> None:
    labels = ".".join(["b" * 61] * 3)
    assert emails.canonical(f"{'x' * 64}@example.com")
    exact = f"{'x' * 60}@{labels}.{'c' * 7}"
    assert (len(exact), emails.canonical(exact)) == (254, exact)
    with pytest.raises(ValueError, match="254"):
        emails.canonical(f"x{exact}")
    with pytest.raises(ValueError, match="include a domain"):
        emails.ascii_host("b" * 254)
    assert emails.ascii_host("b" * 253) == "b" * 253
    with pytest.raises(ValueError, match="include a domain"):
        emails.ascii_host("\u200b")


def test_invisible_characters_count_up_to_four_times_the_length() -> None:
    assert emails.canonical("a@b.de" + "\u200b" * (4 * 254 - 6)) == "a@b.de"
    with pytest.raises(ValueError, match="254"):
        emails.canonical("a@b.de" + "\u200b" * (4 * 254 - 5))


@pytest.mark.parametrize(
    ("address", "is_it"),
    [
        ("info@acme.example", True),
        ("no-reply@acme.example", True),
        ("sales+emea@acme.example", True),
        ("information@acme.example", False),
        ("dora@info.example", False),
        ("dora+info@acme.example", False),
    ],
)
def test_an_offices_address_is_told_by_its_name(address: str, is_it: bool) -> None:
    assert emails.is_role(address) is is_it


@pytest.mark.parametrize(
    ("address", "is_it"),
    [
        ("null@acme.example", True),
        ("no.email@acme.example", True),
        ("not-provided+1@acme.example", True),
        ("n_a_n@acme.example", True),
        ("jo@null.com", True),
        ("jo@undefined.de", True),
        ("jo@nullify.com", False),
        ("jo@mail.null.com", False),
        ("jo+null@acme.example", False),
        ("nulla@acme.example", False),
    ],
)
def test_what_a_program_wrote_for_want_of_an_address_is_told(address: str, is_it: bool) -> None:
    assert emails.is_nothing(address) is is_it


@pytest.mark.parametrize(
    ("address", "is_it"),
    [
        ("noreply@acme.example", True),
        ("no-reply@acme.example", True),
        ("do_not.reply+7@acme.example", True),
        ("mailer-daemon@acme.example", True),
        ("reply@acme.example", False),
        ("jo@noreply.example", False),
    ],
)
def test_an_address_that_nobody_reads_is_told(address: str, is_it: bool) -> None:
    assert emails.is_unread(address) is is_it


def test_the_key_of_what_is_no_address_is_how_it_stands() -> None:
    assert emails.key(" Not An\u200b Address ") == "not an address"
    assert emails.key("DORA@müller.de") == "dora@xn--mller-kva.de"


def test_elsewhere_an_address_may_be_kept_in_its_own_script() -> None:
    kept = emails.as_kept_elsewhere(["dora@xn--mller-kva.de", "a@b.de", "dora@xn--mller-kva.de"])
    assert kept == ["dora@xn--mller-kva.de", "dora@müller.de", "a@b.de"]
    assert emails.readable("xn--a@example.com") == "xn--a@example.com"
    assert emails.spellings("a@☃.net") == ("a@xn--n3h.net",)
