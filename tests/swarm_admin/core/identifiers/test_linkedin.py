"""One person has one address; whatever is not surely LinkedIn's is refused."""

import string
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from swarm_admin.core.identifiers.linkedin import PREFIX, canonical, key

JOHN = "https://www.linkedin.com/in/johndoe"


@pytest.mark.parametrize(
    "url",
    [
        "https://www.linkedin.com/in/johndoe",
        "http://www.linkedin.com/in/johndoe",
        "https://linkedin.com/in/johndoe",
        "linkedin.com/in/johndoe",
        "www.linkedin.com/in/johndoe/",
        "//www.linkedin.com/in/johndoe",
        "https://de.linkedin.com/in/johndoe",
        "https://uk.linkedin.com/in/johndoe",
        "https://pt-br.linkedin.com/in/johndoe",
        "https://m.linkedin.com/in/johndoe",
        "https://mobile.linkedin.com/in/johndoe",
        "https://touch.linkedin.com/in/johndoe",
        "https://www.linkedin.com/mwlite/in/johndoe",
        "https://www.linkedin.com/mwlite/profile/in/johndoe",
        "https://www.linkedin.com/MWLite/Profile/In/johndoe/?x=1",
        "HTTPS://WWW.LINKEDIN.COM/IN/JOHNDOE/",
        "https://www.linkedin.com/in/JohnDoe",
        "https://www.linkedin.com./in/johndoe",
        "https://www.linkedin.com:443/in/johndoe",
        "https://www.linkedin.com//in//johndoe//",
        "https://www.linkedin.com/in/johndoe?trk=public_profile&a=%zz",
        "https://www.linkedin.com/in/johndoe/#experience",
        "https://www.linkedin.com/in/johndoe/en",
        "https://www.linkedin.com/in/johndoe/details/experience/?x=1#y",
        "https://www.linkedin.com/in/john%64oe",
        "https://www.linkedin.com/in/john%2564oe",
        "https://www.linkedin.com/in/johndoe%E2%80%8B",
        "  https://www.linkedin.com/in/johndoe\n",
        "\ufeffhttps://www.linkedin.com/in/johndoe\u200b",
    ],
)
def test_every_spelling_is_one_person(url: str) -> None:
    assert canonical(url) == JOHN


@pytest.mark.parametrize(
    ("url", "slug"),
    [
        ("https://www.linkedin.com/in/j%C3%BCrgen-m%C3%BCller", "jürgen-müller"),
        ("https://www.linkedin.com/in/ju%CC%88rgen-m%25C3%25BCller", "jürgen-müller"),
        ("https://www.linkedin.com/in/JÜRGEN-MÜLLER", "jürgen-müller"),
        ("https://www.linkedin.com/in/王小明-123", "王小明-123"),
        ("https://www.linkedin.com/in/ada-🚀", "ada-🚀"),
        ("https://www.linkedin.com/in/o'neill_j.r", "o'neill_j.r"),
    ],
)
def test_slug_is_readable_composed_and_lower_case(url: str, slug: str) -> None:
    assert canonical(url) == PREFIX + slug


@pytest.mark.parametrize(
    "slug",
    [
        "undefined",
        "null",
        "NULL",
        "None",
        "n-a",
        "N%2DA",
        "na",
        "nan",
        "me",
        "edit",
        "unknown",
        "not-available",
        "not_found",
        "null-null",
        "undefined-null",
        "object-object",
        "first-name-last-name",
        "\uff4eull",
        "404",
    ],
)
@pytest.mark.parametrize("url", [PREFIX + "{}", "http://de.linkedin.com/in/{}/?trk=a", "linkedin.com/mwlite/in/{}"])
def test_what_stands_where_no_profile_is_known_is_nobody(url: str, slug: str) -> None:
    with pytest.raises(ValueError, match=r"^must be a person's profile"):
        canonical(url.format(slug))


@pytest.mark.parametrize("slug", ["menon", "nani", "nil-ratan", "nullmann", "ada-unknown", "jo-me", "nan-smith", "a"])
def test_a_name_that_is_like_nothing_is_a_name(slug: str) -> None:
    assert canonical(PREFIX + slug) == PREFIX + slug


@pytest.mark.parametrize(
    ("slug", "plain"),
    [
        ("\uff41nja-nguyen-0001", "anja-nguyen-0001"),
        ("\uff4f\uff44\uff44-müller-\uff11", "odd-müller-1"),
        ("%EF%BC%A1da", "ada"),
        ("\U0001d41ada", "ada"),
    ],
)
def test_letters_of_another_width_or_font_are_the_plain_ones(slug: str, plain: str) -> None:
    assert canonical(PREFIX + slug) == PREFIX + plain


def test_member_id_keeps_its_case() -> None:
    member_id = "ACoAABcdEFghIJklMNopQRstUVwxYZ012345678"
    assert canonical(f"linkedin.com/in/{member_id}/") == PREFIX + member_id


@pytest.mark.parametrize(
    "url",
    [
        "https://www.linkedin.com/sales/lead/{},NAME_SEARCH,ab1C",
        "https://www.linkedin.com/sales/people/{},NAME",
        "https://www.linkedin.com/sales/lead/{}",
        "http://linkedin.com/Sales/Lead/{}%2CNAME_SEARCH%2Cab1C?_ntb=x#y",
    ],
)
def test_sales_navigator_names_the_same_member(url: str) -> None:
    member_id = "ACwAAAa1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q"
    assert canonical(url.format(member_id)) == PREFIX + member_id == canonical(PREFIX + member_id)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://www.linkedin.com/sales/company/123",
        "https://www.linkedin.com/sales/lists/people/ACwAAAa1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q",
        "https://www.linkedin.com/sales/lead/johndoe,NAME_SEARCH,ab1C",
        "https://www.linkedin.com/sales/",
        "https://www.linkedin.com/mwlite/profile/johndoe",
        "johndoe",
        "https://",
        "https://linkedin.com.evil.com/in/johndoe",
        "https://notlinkedin.com/in/johndoe",
        "https://linkedln.com/in/johndoe",
        "https://evil.com/linkedin.com/in/johndoe",
        "https://evil.com/?u=https://www.linkedin.com/in/johndoe",
        "https://evil.com#www.linkedin.com/in/johndoe",
        "https://www.linkedin.com@evil.com/in/johndoe",
        "https://user:word@www.linkedin.com/in/johndoe",
        "https://evil.linkedin.com.co/in/johndoe",
        "https://www.www.linkedin.com/in/johndoe",
        "https://smtp.linkedin.com/in/johndoe",
        "https://www.l\u0131nkedin.com/in/johndoe",
        "https://www.linked\u0456n.com/in/johndoe",
        "https://www.linkedin\uff0ecom/in/johndoe",
        "https://xn--linkedn-8yb.com/in/johndoe",
        "https://www.linkedin.com\\@evil.com/in/johndoe",
        "https:\\\\www.linkedin.com\\in\\johndoe",
        "https://www.linkedin.com/in/john\tdoe",
        "https://www.link\nedin.com/in/johndoe",
        "https://www.linkedin.com/in/john doe",
        "https://www.linkedin.com/in/john%20doe",
        "https://www.linkedin.com/in/john%00doe",
        "https://www.linkedin.com/in/john%2Fdoe",
        "https://www.linkedin.com/in/john%3Ftrk",
        "https://www.linkedin.com/in/%FCber",
        "https://www.linkedin.com/in/100%",
        "https://www.linkedin.com/in/",
        "https://www.linkedin.com/in/..",
        "https://www.linkedin.com/in/---",
        "https://www.linkedin.com/in/../company/acme",
        "https://www.linkedin.com/in/" + "a" * 101,
        "https://www.linkedin.com/in/a?" + "b" * 2000,
        "https://www.linkedin.com/company/acme",
        "https://www.linkedin.com/sales/lead/1234",
        "https://www.linkedin.com/pub/john-doe/1/234/567",
        "https://www.linkedin.com:8080/in/johndoe",
        "https://www.linkedin.com:99999/in/johndoe",
        "https://[www.linkedin.com/in/johndoe",
        "ftp://www.linkedin.com/in/johndoe",
        "javascript://www.linkedin.com/in/johndoe",
        "https://lnkd.in/johndoe",
    ],
)
def test_refused_with_a_sentence_that_holds_nothing_of_the_value(url: str) -> None:
    with pytest.raises(ValueError, match=r"^must .*\.$") as refusal:
        canonical(url)
    assert "johndoe" not in str(refusal.value)
    assert "evil" not in str(refusal.value)


def test_longest_slug_is_taken() -> None:
    assert canonical(PREFIX + "a" * 100) == PREFIX + "a" * 100
    assert len(canonical(PREFIX + quote("王" * 100))) <= 300


@given(st.one_of(st.text(), st.text(max_size=60).map(lambda slug: PREFIX + slug)))
def test_idempotent_or_refused(url: str) -> None:
    try:
        once = canonical(url)
    except ValueError:
        return
    assert canonical(once) == once
    assert once.startswith(PREFIX)


@given(
    st.text(string.ascii_letters + string.digits + "üßéñİŁ-", min_size=1, max_size=60).filter(
        lambda slug: any(map(str.isalnum, slug))
    )
)
def test_encoding_and_spelling_do_not_matter(slug: str) -> None:
    try:
        plain = canonical(PREFIX + slug)
    except ValueError:  # "null" and the like
        assume(False)
    assert canonical(f"http://de.linkedin.com/in/{quote(slug)}/?a=b") == plain
    assert canonical(f"m.linkedin.com/in/{quote(quote(slug, safe=''))}") == plain


def test_a_slug_may_be_encoded_again_and_again_but_not_for_ever():
    slug = "müller"
    for _ in range(8):
        slug = quote(slug, safe="")
    assert canonical(PREFIX + slug) == PREFIX + "müller"
    with pytest.raises(ValueError, match="repeatedly"):
        canonical(PREFIX + "%" + "25" * 500 + "41")


def encoded(slug: str, times: int) -> str:
    """`slug`, whose one escape is escaped again and again."""
    return PREFIX + slug.replace("%", "%" + "25" * (times - 1))


def test_ten_times_encoded_is_read_and_eleven_times_is_not():
    assert canonical(encoded("%61da", 9)) == PREFIX + "ada"
    with pytest.raises(ValueError, match="repeatedly"):
        canonical(encoded("%61da", 10))


def test_an_address_has_2000_characters_at_most():
    url = f"{JOHN}?trk="
    assert canonical(url + "x" * (2000 - len(url))) == JOHN
    with pytest.raises(ValueError, match="2000"):
        canonical(url + "x" * (2001 - len(url)))


@pytest.mark.parametrize("url", ["https://www.linkedin.com", "https://www.linkedin.com/", "linkedin.com/mwlite"])
def test_the_front_page_is_nobody(url: str):
    with pytest.raises(ValueError, match="a person's profile"):
        canonical(url)


def test_nothing_stands_within_an_address_that_a_browser_would_read_another_way():
    for url in ("https://www.linkedin.com\\in\\ada", "https://www.linkedin.com/in/a\\da", "linkedin.com/in/a da"):
        with pytest.raises(ValueError, match="backslashes"):
            canonical(url)
    assert canonical(f" \u200b {JOHN} \u200b ") == JOHN


def test_the_key_of_what_is_no_profile_is_how_it_stands():
    assert key("LinkedIn.com/in/JohnDoe/") == JOHN
    assert key(" Nobody\u200b ") == "Nobody"
