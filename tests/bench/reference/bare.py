"""The least that keeps a webhook: one Django view, no middleware, one row of the raw body in one table."""

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application

from swarm_admin.settings import DATABASES, SECRET_KEY

settings.configure(
    DATABASES={"default": {**DATABASES["default"], "CONN_HEALTH_CHECKS": False}},
    SECRET_KEY=SECRET_KEY,
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[],
    INSTALLED_APPS=[],
    USE_TZ=True,
)
django.setup()

from django.db import models  # noqa: E402
from django.http import HttpRequest, JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402
from django.utils import timezone  # noqa: E402

from tests.bench.reference.bare_table import TABLE  # noqa: E402


class Delivery(models.Model):
    received_at = models.DateTimeField(default=timezone.now)
    body = models.BinaryField()

    class Meta:
        app_label = "bare"
        db_table = TABLE

    def __str__(self) -> str:
        return f"delivery {self.pk}"


def keep(request: HttpRequest) -> JsonResponse:
    Delivery.objects.create(body=request.body)
    return JsonResponse({"status": "stored"})


urlpatterns = [path("webhooks/clay/enrichment-complete", keep)]
application = get_wsgi_application()
