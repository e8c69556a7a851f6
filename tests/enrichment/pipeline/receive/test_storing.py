"""A delivery is kept although the connection to the database was lost since the last one."""

import hashlib

import psycopg
import pytest
from django.db import connection

from enrichment.models import WebhookDelivery
from enrichment.pipeline.receive.storing import store


@pytest.mark.django_db(transaction=True)
def test_a_restarted_database_loses_no_delivery():
    store(b'{"n": 1}', {})
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    parameters = connection.get_connection_params()
    names = ("dbname", "host", "port", "user", "password")
    with psycopg.connect(**{name: parameters[name] for name in names if parameters.get(name)}) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])
    store(b'{"n": 2}', {"Content-Type": "application/json"})
    assert [bytes(each.body) for each in WebhookDelivery.objects.order_by("pk")] == [b'{"n": 1}', b'{"n": 2}']


def test_what_is_not_given_is_as_the_model_has_it(db):
    store(b"\x00{}", {"Content-Type": "application/json", "X-Webhook-Secret": "s", "Date": ""})
    stored = WebhookDelivery.objects.get()
    fresh = WebhookDelivery()
    given = {"id", "received_at", "not_before", "headers", "body", "body_hash"}
    names = {field.attname for field in WebhookDelivery._meta.concrete_fields} - given
    assert {name: getattr(stored, name) for name in names} == {name: getattr(fresh, name) for name in names}
    assert (bytes(stored.body), stored.headers) == (b"\x00{}", {"Content-Type": "application/json"})
    assert stored.body_hash == hashlib.sha256(b"\x00{}").hexdigest()
    assert stored.received_at == stored.not_before
