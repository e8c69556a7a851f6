"""Many rows in one statement."""

import datetime
from decimal import Decimal

from django.utils import timezone

from enrichment.models import Disclosure, FieldFact, Lead
from swarm_admin.core.bulk_sql import insert_each, update_each
from tests.factories import LeadFactory

AT = timezone.now()


def fact(lead, field, **values):
    return {
        "lead": lead.pk,
        "field": field,
        "provider": "apollo",
        "observed_at": AT,
        "cost": Decimal("0.0125"),
        "attempt": None,
        **values,
    }


def test_rows_are_made_but_for_those_there_are(db, django_assert_num_queries):
    lead = LeadFactory()
    insert_each(FieldFact, [fact(lead, "title")])
    with django_assert_num_queries(1):
        insert_each(FieldFact, [fact(lead, "title", cost=Decimal(9)), fact(lead, 'ph"oneé%s')])
    stored = {each.field: each for each in FieldFact.objects.all()}
    assert stored.keys() == {"title", 'ph"oneé%s'}
    assert stored["title"].cost == Decimal("0.0125")
    assert stored["title"].observed_at == AT


def test_arrays_and_times_come_as_they_were_given(db):
    lead = LeadFactory()
    at = datetime.datetime(2026, 3, 29, 1, 30, tzinfo=datetime.UTC)
    row = {
        "lead": lead.pk,
        "system": "ghl",
        "action": "create_contact",
        "fields": ["email", "a,b"],
        "occurred_at": at,
    }
    insert_each(Disclosure, [row])
    stored = Disclosure.objects.get()
    assert (stored.fields, stored.occurred_at, stored.lead_id) == (["email", "a,b"], at, lead.pk)


def test_nothing_costs_nothing(db, django_assert_num_queries):
    with django_assert_num_queries(0):
        insert_each(FieldFact, [])


def test_a_merged_document_keeps_what_it_has_besides(db):
    first, second = LeadFactory(raw={"a": 1, "b": 2}), LeadFactory(raw={})
    rows = {first.pk: {"raw": {"b": 3}}, second.pk: {"raw": {"c": None}}}
    assert update_each(Lead, rows, merged=["raw"]) == {first.pk, second.pk}
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.raw, second.raw) == ({"a": 1, "b": 3}, {"c": None})
