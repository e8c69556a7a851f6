"""The pipeline with a routine of Clay's public API in place of rows, stage by stage; its webhook comes by the door."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from enrichment.connections import probing
from enrichment.models import Attempt, ClayRun, Connection, Lead
from enrichment.models.work import BatchKind
from enrichment.pipeline import overdue, runs
from enrichment.pipeline.deliver import running
from enrichment.pipeline.dispatch import plan, submit
from enrichment.pipeline.receive import reading
from enrichment.vendors.connections import reset_clients
from tests.plugins.pipeline import Pipeline

ROUTINE, HOOK, SIGNING_SECRET = "function:t_people", "hook_1", "signing-secret"


class RoutinePipeline(Pipeline):
    """`stages` of this connector; leads have what a routine over people needs."""

    def lead(self, slug: str, **values: Any) -> Lead:
        person = {"first_name": "Ada", "last_name": slug.capitalize(), "company_name": "Acme Inc"}
        return super().lead(slug, **{**person, "dispatch_priority": 20, **values})

    def collect_webhooks(self) -> None:
        new = self.receiver.bodies[self._taken :]
        headers = [given for given, _ in self.receiver.deliveries[self._taken :]]
        self._taken += len(new)
        for body, given in zip(new, headers, strict=True):
            signature = next(value for name, value in given.items() if name.lower() == "x-clay-signature")
            self.hand_in(body, signature)

    def hand_in(self, body: bytes, signature: str) -> int:
        answer = Client().post(
            "/webhooks/clay/run", body, content_type="application/json", headers={"X-Clay-Signature": signature}
        )
        return answer.status_code

    def map_inputs(self, fields: dict[str, str]) -> None:
        """The routine's inputs, of which none is said to be needed."""
        Connection.objects.update_or_create(system="clay", defaults={"routine_inputs": fields})

    def stages(self) -> list[Callable[[], Any]]:
        return [
            lambda: plan.plan_batches(BatchKind.SUBMIT),
            lambda: submit.run_due(),
            self.collect_webhooks,
            lambda: reading.run_due(),
            lambda: runs.run_due(),
            lambda: runs.mark_overdue(),
            lambda: overdue.run_due(),
            lambda: running.run_due("ghl"),
            lambda: running.run_due("instantly"),
            lambda: probing.run_due(),
        ]

    def state(self) -> dict[str, Any]:
        more = {
            "runs": list(ClayRun.objects.values_list("run_id", "status", "tries", "error_message")),
            "attempts": list(Attempt.objects.values_list("status", "error_kind", "overdue_at")[:10]),
        }
        return {**super().state(), **more}

    # ------------------------------------------------------------ what the sandbox saw

    def figures(self) -> dict[str, Any]:
        found: dict[str, Any] = self.sandbox.stats()["clay_routine"]
        return found

    def charged_twice(self) -> int:
        return int(self.figures()["people_charged_twice"])

    def in_crms(self) -> tuple[int, int]:
        """(contacts at GoHighLevel, leads in Instantly's campaign)."""
        return len(self.sandbox.state("ghl")["contacts"]), len(self.sandbox.state("instantly")["leads"])


@pytest.fixture
def routine(pipeline: Pipeline, settings: Any) -> RoutinePipeline:
    """The product's stages with a routine over people, and Clay's webhook registered."""
    sandbox, receiver = pipeline.sandbox, pipeline.receiver
    sandbox.control("PUT", f"routines/{ROUTINE}")
    sandbox.control("PUT", f"webhooks/{HOOK}", url=receiver.url, secret=SIGNING_SECRET)
    settings.CLAY_CONNECTOR = "routine"
    settings.CLAY_PUBLIC_API_BASE_URL = f"{sandbox.url}/clay/public/v0"
    settings.CLAY_ROUTINE_ID, settings.CLAY_ROUTINE_WEBHOOK_ID = ROUTINE, HOOK
    settings.CLAY_SIGNING_SECRET = SIGNING_SECRET
    settings.CLAY_ROUTINE_CALLS_PER_MINUTE = 100_000
    reset_clients()
    return RoutinePipeline(sandbox, receiver)
