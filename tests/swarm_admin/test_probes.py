"""What machines ask: does it live, can it serve, does background work move?"""

import datetime
import json
from typing import Any

import psycopg
import pytest
import redis
from django.contrib.sessions.models import Session
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone

from enrichment.models import WebhookDelivery
from enrichment.monitoring import standstill
from swarm_admin import probes

STRANGER = {"HTTP_HOST": "10.0.0.7:8000"}  # as an orchestrator calls us


def ask(client: Client, address: str = "/readyz") -> tuple[int, dict[str, Any]]:
    answer = client.get(address, **STRANGER)
    return answer.status_code, json.loads(answer.content)


def due_for_long() -> None:
    long_ago = timezone.now() - datetime.timedelta(hours=1)
    WebhookDelivery.objects.create(body=b"ada@x.example", body_hash="h", not_before=long_ago)


def test_that_it_lives_is_told_without_a_server(client: Client) -> None:
    # Without the `db` fixture any statement would be an error.
    assert ask(client, "/healthz") == (200, {"status": "alive"})


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/healthz", "/readyz"])
def test_both_are_open_and_lead_nowhere_else(client: Client, settings: Any, address: str) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.ALLOWED_HOSTS = ["swarm.example"]
    answer = client.get(address, **STRANGER)
    assert (answer.status_code, answer["Content-Type"], answer["Cache-Control"]) == (
        200,
        "application/json",
        "no-store",
    )
    assert "Set-Cookie" not in answer
    assert not Session.objects.exists()
    assert client.head(address, **STRANGER).status_code == 200
    refused = client.post(address, **STRANGER)
    assert (refused.status_code, refused["Allow"]) == (405, "GET, HEAD")


@pytest.mark.django_db
def test_ready_names_what_was_asked(client: Client) -> None:
    told = {"status": "ready", "database": "ok", "redis": "ok", "beat": "ok", "standing_still": []}
    assert ask(client) == (200, told)


@pytest.mark.django_db
def test_what_stands_still_is_named_and_nothing_of_anybody(client: Client) -> None:
    due_for_long()
    status, told = ask(client)
    assert (status, told["status"]) == (503, "not ready")
    assert [stage["stage"] for stage in told["standing_still"]] == ["webhooks"]
    assert set(told["standing_still"][0]) == {"stage", "since"}
    assert "ada@" not in json.dumps(told)


@pytest.mark.django_db
def test_a_beat_that_is_gone_is_named(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standstill, "cached_report", lambda: standstill.Report((), timezone.now()))
    status, told = ask(client)
    assert status == 503
    assert told["beat"].startswith("not seen since ")


@pytest.mark.django_db
def test_servers_that_do_not_answer_are_named(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise redis.TimeoutError

    monkeypatch.setattr(redis.Redis, "ping", away)
    status, told = ask(client)
    assert (status, told["redis"], told["database"]) == (503, "no answer", "ok")
    probes.forget()

    def refused(*_: Any, **__: Any) -> None:
        raise psycopg.OperationalError("host 10.0.0.9, user admin")

    monkeypatch.setattr(psycopg, "connect", refused)
    status, told = ask(client)
    assert (status, told["redis"], told["database"]) == (503, "no answer", "no answer")
    assert "admin" not in json.dumps(told)


@pytest.mark.django_db
def test_tables_that_cannot_be_asked_are_a_database_that_does_not_answer(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise DatabaseError

    monkeypatch.setattr(standstill, "cached_report", broken)
    monkeypatch.setattr(probes.connection, "close", lambda: None)
    status, told = ask(client)
    assert (status, told["database"]) == (503, "no answer")


@pytest.mark.django_db
def test_however_often_it_is_asked_the_servers_are_asked_once(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    monkeypatch.setattr(probes, "_database", lambda: looks.append(1) or "ok")
    for _ in range(20):
        ask(client)
    assert len(looks) == 1
