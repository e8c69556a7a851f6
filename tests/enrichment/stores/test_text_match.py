"""A person in free text, in the spellings that bodies and files have."""

import json

import pytest

from enrichment.models import WebhookDelivery
from enrichment.pipeline.receive import storing
from enrichment.pipeline.receive.unmatched import identities
from enrichment.stores.text_match import Traces
from gdpr.identity import Identity

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
    assert Traces([URL], ["Erika@Home.example"], ["row_1"]).kinds(text) == kinds


def test_nobody_is_found_by_nothing():
    assert Traces([], []).kinds("https://www.linkedin.com/in/anybody") == ()


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
    found = Traces([url], []).in_bodies(WebhookDelivery.objects.all())
    from enrichment.stores.mirror_tables import told_of

    assert found.count() >= 5
    assert len(told_of(Traces([url], []))) == 5


def test_whom_a_body_may_be_about():
    body = json.dumps({"a": URL.upper(), "b": ["x@Y.example"], "c": "+1 (415) 555-0101"}).encode()
    assert identities(body) == [
        Identity(URL),
        Identity(emails=("x@y.example",)),
        Identity(phone="+14155550101"),
    ]
