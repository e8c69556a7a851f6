"""A delivery is kept although the connection to the database was lost since the last one."""

import psycopg
import pytest
from django.db import connection

from enrichment.models import WebhookDelivery
from enrichment.pipeline.receive import store


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
