"""The ticks of the house itself."""

from celery import shared_task
from django.conf import settings

from swarm_admin import alerts
from swarm_admin.core.locks import run_exclusively


@shared_task
def send_alerts() -> None:
    run_exclusively("alerts", alerts.run_due)


_SECONDS = max(settings.TICK_SECONDS, 10 / settings.CLOCK_SPEED)
BEAT = {
    "alerts": {
        "task": "swarm_admin.tasks.send_alerts",
        "schedule": _SECONDS,
        "options": {"expires": _SECONDS * 2},
    }
}
