"""A person among many: every look-up goes along an index."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from enrichment.models import Lead
from enrichment.stores import people
from gdpr.identity import Identity
from tests.enrichment.stores.planting import IDENTITY, OWN, PHONE, URL, WORK, in_the_mirror
from tests.factories import EnrichedLeadFactory

pytestmark = pytest.mark.django_db


def plan_of(query):
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE enrichment_lead")
        cursor.execute("SET LOCAL enable_seqscan = off")
    return query.explain()


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (lambda: people.with_emails([OWN]), {"lead_by_work_address", "lead_by_own_address"}),
        (lambda: Lead.objects.filter(phone=PHONE), {"lead_by_phone"}),
        (lambda: Lead.objects.filter(linkedin_url=URL), {"enrichment_lead_linkedin_url"}),
    ],
)
def test_a_look_up_uses_its_index(query, index):
    leads = EnrichedLeadFactory.build_batch(300, email_personal="", phone="+14155550000")
    for number, lead in enumerate(leads):
        lead.email_personal, lead.phone = f"p{number}@home.example", f"+1415555{number:04}"
    Lead.objects.bulk_create(leads)
    plan = plan_of(query())
    assert "Seq Scan" not in plan
    assert {name for name in index if not re.search(name, plan)} == set(), plan


def test_the_number_of_queries_does_not_grow_with_what_is_known():
    in_the_mirror()
    people.known_person(IDENTITY)  # what a process remembers is remembered
    with CaptureQueriesContext(connection) as one:
        people.known_person(IDENTITY)
    for number in range(5):
        EnrichedLeadFactory(phone=PHONE, email_work=f"{number}@acme.example")
    with CaptureQueriesContext(connection) as many:
        people.known_person(IDENTITY)
    assert len(many) == len(one) == 3


def test_what_is_shared_is_nobodys_own():
    lead = in_the_mirror()
    EnrichedLeadFactory(email_work=WORK.upper(), phone=PHONE)
    circle = people.known_person(Identity(URL))
    assert circle.own(lead.linkedin_url, (WORK, OWN), PHONE) == Identity(URL, (OWN,), "")
    assert circle.own("", ("somebody@else.example",), "+14155550777") == Identity(
        "", ("somebody@else.example",), "+14155550777"
    )


def test_what_cannot_be_read_is_looked_for_as_it_is():
    assert people.known_person(Identity("not an address", (" a@b ",), "extension 12")).identity == Identity(
        "not an address", ("a@b",), "extension 12"
    )
