"""The pipeline over a Clay table as its flows need it: the product's template, the real door, what was paid."""

import json
from decimal import Decimal
from typing import Any

from django.db.models import Sum
from django.test import Client
from django.utils import timezone

from enrichment.models import Attempt, ClaySource, Handover, Lead, WebhookDelivery
from enrichment.pipeline import crash_recovery
from enrichment.vendors.clay import template
from tests.plugins.clay_table import TABLE, TablePipeline
from tests.plugins.pipeline import SECRET
from tests.plugins.sandbox import Sandbox

DOOR = "/webhooks/clay/row"


def call_back(sandbox: Sandbox, url: str, secret: str = SECRET) -> None:
    """The table's HTTP API column calls that address with the product's template."""
    column = {"url": url, "headers": {"X-Webhook-Secret": secret}, "body": template.body()}
    sandbox.control("PUT", f"tables/{TABLE}", callback=column)


class TableWay(TablePipeline):
    """What is due is done stage by stage; callbacks come in by the door that Clay posts to."""

    def source(self, slug: str = "first", *, theirs: int | None = None, **more: Any) -> ClaySource:
        """`theirs`: the life it really has."""
        made = super().source(slug, **more)
        if theirs is not None:
            self.sandbox.control("PUT", f"sources/{slug}", life=theirs)
        return made

    def lead(self, slug: str, **values: Any) -> Lead:
        """One that leaves without waiting for company."""
        return super().lead(slug, **{"dispatch_priority": 20, **values})

    def collect_webhooks(self) -> None:
        new = self.receiver.bodies[self._taken :]
        self._taken += len(new)
        for body in new:
            self.post(body)

    def post(self, body: bytes | dict[str, Any], secret: str = SECRET) -> int:
        """To the door; the answer's status."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = Client().post(DOOR, raw, content_type="application/json", headers={"X-Webhook-Secret": secret})
        return int(answer.status_code)

    # ------------------------------------------------------------ time, and what a worker leaves

    def time_is_over(self) -> None:
        """For every run whose result has not come."""
        Attempt.objects.filter(status="running", poll_after__isnull=False).update(poll_after=timezone.now())
        self.step()

    def after_a_kill(self, settings: Any) -> None:
        """The lease of the killed worker has run out."""
        kept, settings.LEASE_SECONDS = settings.LEASE_SECONDS, 0
        crash_recovery.recover_lost_calls()
        settings.LEASE_SECONDS = kept

    # ------------------------------------------------------------ what is there

    def figures(self) -> dict[str, Any]:
        """What the stand-in counted of the table."""
        found: dict[str, Any] = self.sandbox.stats()["clay_table"]
        return found

    def press_run(self, column: str, *rows: str) -> None:
        """A person presses run in Clay."""
        self.sandbox.control("POST", f"tables/{TABLE}/run", column=column, rows=list(rows))

    def verdicts(self) -> list[str]:
        """Of what came in, oldest first."""
        return list(WebhookDelivery.objects.order_by("id").values_list("verdict", flat=True))

    def assert_delivered_once(self) -> None:
        """Nobody is in a system twice, each delivery was made once, and the books have what Clay charged."""
        stats = self.sandbox.stats()
        assert stats["ghl"]["duplicates_by_email"] == stats["instantly"]["duplicates_by_email"] == 0
        assert stats["clay_table"]["refs_twice"] == 0
        made = list(Handover.objects.filter(status="done").values_list("lead", "system"))
        assert len(made) == len(set(made))
        assert stats["ghl"]["contacts"] == sum(system == "ghl" for _, system in made)
        assert stats["instantly"]["leads"] == sum(system == "instantly" for _, system in made)
        self.assert_paid()

    def assert_paid(self) -> None:
        """What the rows cost whose callback came is what our books say."""
        booked = Attempt.objects.aggregate(sum=Sum("cost"))["sum"] or Decimal(0)
        assert booked == Decimal(str(self.figures()["cost_called_back"]))
