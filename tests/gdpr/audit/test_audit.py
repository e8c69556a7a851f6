"""The ledger takes events and gives none up."""

import pytest
from django.db import DatabaseError, connection, transaction

from gdpr import audit
from gdpr.models import AuditEvent


def test_an_event_names_who_what_and_which_fields(db, django_user_model):
    person = django_user_model.objects.create_user("kim")
    event = audit.record("retry", by=person, on=person, fields={"b", "a"}, counts={"leads": 2}, reason="why")
    event.refresh_from_db()
    assert (event.actor_id, event.verb, event.object_type, event.object_id) == (
        person.pk,
        "retry",
        "user",
        str(person.pk),
    )
    assert (event.fields, event.counts, event.reason) == (["a", "b"], {"leads": 2}, "why")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE gdpr_auditevent SET verb = 'other'",
        "DELETE FROM gdpr_auditevent",
    ],
)
def test_the_database_refuses_to_change_an_event(db, statement):
    audit.record("retry")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        connection.cursor().execute(statement)
    assert AuditEvent.objects.get().verb == "retry"
