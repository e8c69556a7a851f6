"""A person in free text, in the spellings that bodies and files have."""

import json

import pytest

from enrichment.models import WebhookDelivery
from enrichment.pipeline.receive import reading, storing
from enrichment.pipeline.receive.unmatched import TooManyPeople, identities
from enrichment.stores.text_match import SearchPatterns
from gdpr.identity import Identity
from gdpr.suppression import gate

URL = "https://www.linkedin.com/in/erika-mustermann"
FOREIGN = "https://www.linkedin.com/in/李-明"


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("see LINKEDIN.com/in/Erika-Mustermann/?x=1 now", ("linkedin_url",)),
        ("https://www.linkedin.com/in/erika%2Dmustermann", ("linkedin_url",)),
        ("https://www.linkedin.com/in/erika-mustermann-2", ()),
        ("Erika Mustermann, Acme", ()),
        ("mailto:ERIKA@home.example.", ("email",)),
        ("xerika@home.example", ()),
        ("erika@home.example of https://www.linkedin.com/in/somebody", ()),
        ("the row is\nrow_1\n", ("clay_row_id",)),
        ("row_12", ()),
    ],
)
def test_a_text_is_about_the_person_or_not(text, kinds):
    assert SearchPatterns([URL], ["Erika@Home.example"], ["row_1"]).kinds(text) == kinds


def test_nobody_is_found_by_nothing():
    assert SearchPatterns([], []).kinds("https://www.linkedin.com/in/anybody") == ()


@pytest.mark.django_db
@pytest.mark.parametrize("url", [URL, FOREIGN])
def test_a_body_is_found_in_any_encoding(url):
    document = {"data": {"linkedin_url": url}}
    for body in (
        json.dumps(document).encode(),
        json.dumps(document, ensure_ascii=False).encode(),
        json.dumps(document).replace("-", "\\u002d").encode(),
        json.dumps({"u": url.replace("-", "%2D").replace("李", "%E6%9D%8E")}).encode(),
        f"{{broken {url}".encode(),
    ):
        storing.store(body, {})
    storing.store(b'{"data": {"linkedin_url": "https://www.linkedin.com/in/other"}}', {})
    found = SearchPatterns([url], []).in_bodies(WebhookDelivery.objects.all())
    from enrichment.stores.mirror_tables import deliveries_about

    assert found.count() >= 5
    assert len(deliveries_about(SearchPatterns([url], []))) == 5


@pytest.mark.django_db
def test_whom_a_body_may_be_about():
    body = json.dumps({"a": URL.upper(), "b": ["x@Y.example"], "c": "+1 (415) 555-0101"}).encode()
    assert identities(body) == [
        Identity(URL),
        Identity(emails=("x@y.example",)),
        Identity(phone="+14155550101"),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "written",
    [
        "(321) 555-4188", "3215554188", "13215554188", "321.555.4188", "001 321 555 4188", "call (321) 555-4188 today",
        "tel:+1%20321%20555%204188", "%28321%29%20555-4188", "321+555+4188", "(321) 555-4199 / (321) 555-4188",
        "anja%40summitlabs.com", "https://x.example/?to=Anja%2540SummitLabs.com", "mailto:anja%40summitlabs.com",
        "https%3A%2F%2Fwww.linkedin.com%2Fin%2Fanja-nguyen",
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_json", [True, False])
def test_nothing_is_kept_of_an_unknown_row_that_names_a_suppressed_person_in_any_spelling(written, is_json):
    anja = Identity("https://www.linkedin.com/in/anja-nguyen", ("anja@summitlabs.com",), "+13215554188")
    gate.suppress(anja, reason="erasure")
    document = {"event": "row.enriched", "row_id": "row_x", "timestamp": "2026-01-15T10:00:00Z", "data": {"a": written}}
    body = json.dumps(document).encode() if is_json else f"no event, {written}".encode()
    storing.store(body, {})
    storing.store(body.replace(written.encode(), b"(321) 555-0000 bob%40summitlabs.com"), {})
    reading.run_due()
    about, other = WebhookDelivery.objects.order_by("pk")
    assert (about.verdict, bytes(about.body)) == ("suppressed", b"")
    assert other.verdict == ("unknown_row" if is_json else "malformed")
    assert bytes(other.body)


@pytest.mark.django_db
def test_a_number_that_stands_in_the_body_as_a_number_is_read():
    assert Identity(phone="+13215554188") in identities(b'{"phone": 3215554188, "vector": [0.3215554199]}')
    assert Identity(phone="+13215554199") not in identities(b'{"phone": 3215554188, "vector": [0.3215554199]}')


def test_a_body_of_endless_numbers_is_a_crowd():
    with pytest.raises(TooManyPeople):
        identities(json.dumps(list(range(1_000_000_000, 1_000_080_000))).encode())
