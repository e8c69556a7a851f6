"""The ticks of the house itself."""

from celery import shared_task
from django.conf import settings

from enrichment.tasks import alone
from swarm_admin import alerts


@shared_task
def send_alerts() -> None:
    alone("alerts", alerts.run_due)


_SECONDS = max(settings.TICK_SECONDS, 10 / settings.CLOCK_SPEED)
BEAT = {
    "alerts": {
        "task": "swarm_admin.tasks.send_alerts",
        "schedule": _SECONDS,
        "options": {"expires": _SECONDS * 2},
    }
}
