"""The pipeline on a Clay table: rows in through the sandbox's webhook, out through its HTTP API column."""

from typing import Any

import pytest

from enrichment.models import Channel, ClaySource, Lead
from enrichment.models.work import BatchKind
from enrichment.pipeline import overdue
from enrichment.pipeline.dispatch import plan, submit
from enrichment.pipeline.receive import storing
from swarm_admin.core import encryption
from tests.plugins.pipeline import SECRET, Pipeline
from tests.plugins.sandbox import Receiver, Sandbox

TABLE = "tbl_people"


def add_source(sandbox: Sandbox, slug: str, *, life: int, token: str = "token", **values: Any) -> ClaySource:
    """A webhook of the table at the sandbox, and the product's record of it."""
    sandbox.control("PUT", f"sources/{slug}", table=TABLE, token=token, life=life)
    return ClaySource.objects.create(
        name=f"People ({slug})",
        url=f"{sandbox.url}/clay/v3/sources/webhook/{slug}",
        token=encryption.encrypt(token),
        life=life,
        position=ClaySource.objects.count(),
        **values,
    )


class TablePipeline(Pipeline):
    """Its stages: submissions and callbacks instead of rows, triggers and write-backs."""

    def stages(self) -> list[Any]:
        return [
            lambda: plan.plan_batches(BatchKind.SUBMIT),
            lambda: submit.run_due(),
            *super().stages(),
            lambda: overdue.run_due(),
        ]

    def collect_webhooks(self) -> None:
        new = self.receiver.bodies[self._taken :]
        self._taken += len(new)
        for body in new:
            storing.store(body, {"Content-Type": "application/json"}, Channel.ROW)

    def source(self, slug: str = "first", *, life: int = 50_000, token: str = "token", **values: Any) -> ClaySource:
        """A webhook of the table at the sandbox, and the product's record of it."""
        return add_source(self.sandbox, slug, life=life, token=token, **values)

    def rows(self, lead: Lead | None = None) -> list[dict[str, Any]]:
        """The rows of the table as a person sees them there, of one lead if given."""
        rows = self.sandbox.state("clay_table")["tables"].get(TABLE, {"rows": []})["rows"]
        return [r for r in rows if lead is None or r["cells"]["linkedin_url"]["value"] == lead.linkedin_url]


@pytest.fixture
def table(pipeline: Pipeline, settings: Any, sandbox: Sandbox, webhook_receiver: Receiver) -> TablePipeline:
    """The pipeline with the connector `table` and one source."""
    settings.CLAY_CONNECTOR = "table"
    settings.CLAY_OVERDUE_SECONDS = 3_600.0
    sandbox.control(
        "PUT",
        f"tables/{TABLE}",
        callback={"url": webhook_receiver.url, "headers": {"X-Webhook-Secret": SECRET}},
    )
    product = TablePipeline(sandbox, webhook_receiver)
    product.source()
    return product
