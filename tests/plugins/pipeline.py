"""The pipeline against the sandbox, driven stage by stage in the test's own process."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from enrichment.connections import probing
from enrichment.models import Attempt, Batch, Handover, Lead, WebhookDelivery
from enrichment.models.work import BatchKind
from enrichment.pipeline import poll
from enrichment.pipeline.deliver import running
from enrichment.pipeline.dispatch import plan, rows, trigger, write_back
from enrichment.pipeline.receive import reading, storing
from enrichment.vendors.connections import clay, reset_clients
from tests.plugins.sandbox import KEYS, PATIENCE_SECONDS, Receiver, Sandbox

SECRET = "webhook-secret"


def quiet() -> bool:
    """Whether no lead is on its way and nothing is open at a vendor."""
    return not (
        Lead.objects.filter(enrichment_status__in=["pending", "in_progress"]).exists()
        or Lead.objects.filter(write_back_after__isnull=False, clay_row_id__isnull=False).exists()
        or Batch.objects.filter(status__in=["planned", "in_flight", "unknown"]).exists()
        or Handover.objects.filter(status__in=["planned", "in_flight", "unknown"]).exists()
        or Attempt.objects.filter(status__in=["intended", "running"]).exists()
        or WebhookDelivery.objects.filter(status__in=["received", "processing"]).exists()
    )


class Pipeline:
    """Runs the due work of every stage, and hands the sandbox's webhooks over as the web process would."""

    def __init__(self, sandbox: Sandbox, receiver: Receiver) -> None:
        self.sandbox, self.receiver = sandbox, receiver
        self._taken = 0

    def lead(self, slug: str, **values: Any) -> Lead:
        """A lead as intake leaves it."""
        now = timezone.now()
        defaults: dict[str, Any] = {
            "source_type": "competitor_follower",
            "source_name": "Gong.io",
            "scraped_at": now,
            "retention_until": now + timezone.timedelta(days=730),
            "dispatch_after": now,
        }
        return Lead.objects.create(linkedin_url=f"https://www.linkedin.com/in/{slug}", **{**defaults, **values})

    def collect_webhooks(self) -> None:
        """What the sandbox sent since the last time is stored."""
        new = self.receiver.bodies[self._taken :]
        self._taken += len(new)
        for body in new:
            storing.store(body, {"Content-Type": "application/json"})

    def stages(self) -> list[Callable[[], Any]]:
        """What the ticks do, in the order of a lead's way."""
        return [
            lambda: plan.plan_batches(BatchKind.ROWS),
            lambda: rows.run_due(),
            lambda: plan.plan_batches(BatchKind.TRIGGER),
            lambda: trigger.run_due(),
            self.collect_webhooks,
            lambda: reading.run_due(),
            lambda: running.run_due("ghl"),
            lambda: running.run_due("instantly"),
            lambda: plan.plan_batches(BatchKind.UPDATE),
            lambda: write_back.run_due(),
            lambda: poll.run_due(),
            lambda: probing.run_due(),
        ]

    def step(self) -> None:
        """Every stage once."""
        for stage in self.stages():
            stage()

    def stages_until(self, condition: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> None:
        """One stage after the other, none more once the condition holds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for stage in self.stages():
                if condition():
                    return
                stage()
        raise AssertionError(f"did not come true in time; {self.state()}")

    def until(self, condition: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
        """Steps until the condition holds; AssertionError when it does not in time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.step()
            if value := condition():
                return value
        raise AssertionError(f"did not come true in time; {self.state()}")

    def settle(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Steps until no lead is pending or in progress and nothing is open."""
        self.until(self.quiet, seconds)

    def quiet(self) -> bool:
        return quiet()

    def state(self) -> dict[str, Any]:
        return {
            "leads": list(Lead.objects.values_list("pk", "enrichment_status", "error_message")[:10]),
            "batches": list(Batch.objects.values_list("kind", "status", "error_message")),
            "handovers": list(Handover.objects.values_list("system", "status", "error_message")[:10]),
            "webhooks": list(WebhookDelivery.objects.values_list("status", "verdict", "error_kind")[:10]),
        }


@pytest.fixture
def pipeline(db: None, settings: Any, sandbox: Sandbox, webhook_receiver: Receiver) -> Pipeline:
    """The product's stages, wired to the sandbox at a thousand times its pace, with limits that do not bind."""
    settings.CLAY_API_BASE_URL = f"{sandbox.url}/clay/v1"
    settings.GHL_API_BASE_URL = f"{sandbox.url}/ghl"
    settings.INSTANTLY_API_BASE_URL = f"{sandbox.url}/instantly/api/v2"
    for name in KEYS:
        setattr(settings, name.upper(), KEYS[name])
    settings.INSTANTLY_CAMPAIGN_ID = "campaign"
    settings.CLAY_WEBHOOK_SECRET = SECRET
    settings.CLOCK_SPEED = 1000.0
    settings.VENDOR_LATENCY_SECONDS = 0.02
    settings.VENDOR_TIMEOUT_SECONDS = 5.0
    sandbox.config(limits=False)
    reset_clients()
    clay().create_webhook(webhook_receiver.url, SECRET)
    return Pipeline(sandbox, webhook_receiver)
