"""A company is its registrable domain, and never a host that many share."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarm_admin.core.companies import LEGAL_FORMS, SHARED, SharedHost, name_key, registrable


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("acme.com", "acme.com"),
        ("DE.Acme.co.uk.", "acme.co.uk"),
        ("careers.acme.example", "acme.example"),
        ("shop.müller-bau.de", "xn--mller-bau-q9a.de"),
        ("www.acme.uk.com", "acme.uk.com"),
        ("acme.eu.org", "acme.eu.org"),
        ("livestorm.co", "livestorm.co"),
        ("mail.acme.com", "acme.com"),
    ],
)
def test_the_registrable_domain(host, domain):
    assert registrable(host) == domain
    assert registrable(domain) == domain


@pytest.mark.parametrize(
    "host",
    [
        "www.linkedin.com", "de-de.facebook.com", "gmail.com", "acme.wixsite.com", "linktr.ee", "wixsite.com",
        "acme.github.io", "acme.myshopify.com", "sites.google.com", "acme.blogspot.de", "yahoo.co.uk", "gmx.at",
        "acme.notion.site", "acme.squarespace.com", "t-online.de", "acme.s3.amazonaws.com", "acme.herokuapp.com",
    ],
)  # fmt: skip
def test_a_host_that_many_share_is_nobody_s(host):
    with pytest.raises(SharedHost):
        registrable(host)


@pytest.mark.parametrize("host", ["com", "co.uk", "localhost", "192.168.1.1", "", "acme com", "a..b"])
def test_what_nobody_registered_is_no_company(host):
    with pytest.raises(ValueError, match=r"must|^$"):
        registrable(host)


@given(st.sampled_from(sorted(SHARED)), st.sampled_from(["", "www.", "acme.", "a.b."]))
def test_no_host_of_the_list_is_ever_a_key(shared, before):
    with pytest.raises(ValueError, match=r"must|^$"):
        registrable(before + shared)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Acme, Inc.", "ACME", True),
        ("Müller Bau GmbH & Co. KG", "Muller Bau", True),
        ("S.A.P. SE", "SAP", True),
        ("Acme", "Acme Bakery", False),
        ("Acme Inc", "Globex Inc", False),
        ("Limited", "Company", False),
    ],
)
def test_names_are_compared_without_their_legal_form(one, other, same):
    assert (name_key(one) == name_key(other)) is same


@given(st.text(max_size=60), st.sampled_from(sorted(LEGAL_FORMS)))
def test_a_name_s_key_is_its_own_and_knows_no_legal_form(name, form):
    key = name_key(name)
    assert name_key(key) == key
    if key:
        assert name_key(f"{name} {form.upper()}.") == key
