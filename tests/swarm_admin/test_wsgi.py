"""A chunked body arrives whole, though nobody says how long it is."""

import io

import pytest

from enrichment.models import WebhookDelivery
from swarm_admin.wsgi import application, webhook_application


def post(body: bytes, **environ: str) -> str:
    """The status of a webhook sent straight to the entry point."""
    answered: list[str] = []
    request = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/webhooks/clay/enrichment-complete",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_X_WEBHOOK_SECRET": "secret",
        "wsgi.input": io.BytesIO(body),
        "wsgi.url_scheme": "http",
        "wsgi.errors": io.StringIO(),
        **environ,
    }
    answer = application(request, lambda status, headers: answered.append(status))
    b"".join(answer)
    getattr(answer, "close", lambda: None)()
    return answered[0]


@pytest.fixture(autouse=True)
def secret(settings):
    settings.CLAY_WEBHOOK_SECRET = "secret"


@pytest.mark.django_db(transaction=True)
def test_a_chunked_webhook_is_stored_whole():
    body = b'{"event": "row.enriched"}'
    assert post(body, HTTP_TRANSFER_ENCODING="chunked") == "200 OK"
    assert bytes(WebhookDelivery.objects.get().body) == body


@pytest.mark.django_db(transaction=True)
def test_a_chunked_body_over_the_limit_is_refused(settings):
    body = b"x" * (settings.WEBHOOK_MAX_BYTES + 1)
    assert post(body, HTTP_TRANSFER_ENCODING="chunked").startswith("413")
    assert not WebhookDelivery.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_delivery_keeps_the_checks_of_secret_and_host():
    assert post(b"{}", CONTENT_LENGTH="2") == "200 OK"
    assert post(b"{}", CONTENT_LENGTH="2", HTTP_X_WEBHOOK_SECRET="wrong").startswith("401")
    assert post(b"{}", CONTENT_LENGTH="2", HTTP_HOST="elsewhere.example").startswith("400")
    assert post(b"", REQUEST_METHOD="GET").startswith("405")
    assert WebhookDelivery.objects.count() == 1


def test_a_delivery_passes_nothing_that_serves_people():
    passed = [webhook_application._middleware_chain]
    while inner := getattr(getattr(passed[-1], "__wrapped__", passed[-1]), "get_response", None):
        passed.append(inner)
    names = [type(getattr(each, "__wrapped__", each)).__name__ for each in passed]
    assert names[:2] == ["SecurityMiddleware", "CommonMiddleware"]
    assert len(passed) == 3
