"""A chunked body arrives whole, though nobody says how long it is."""

import io

import pytest

from enrichment.models import WebhookDelivery
from swarm_admin.wsgi import application


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
