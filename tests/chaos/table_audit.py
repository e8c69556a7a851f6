"""What must be true after a storm over a Clay table: no run twice, nobody forgotten, and the books as Clay's."""

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, ClassVar

from django.db.models import QuerySet, Sum

from enrichment.models import Attempt, ClaySource, WebhookDelivery
from swarm_admin.sandbox.people import canonical
from tests.chaos.audit import Audit
from tests.chaos.findings import Finding, finding, twice
from tests.plugins.clay_table import TABLE
from tests.plugins.sandbox import Sandbox


class TableAudit(Audit):
    """The same claims but for Clay's part; rows there are told apart by the reference of their run."""

    windows: ClassVar[dict[str, int]] = {"clay_table": 20, "ghl": 100, "instantly": 100}

    def rows_of(self, sandbox: Sandbox) -> list[dict[str, Any]]:
        self.sources = sandbox.state("clay_table")["sources"]
        found: list[dict[str, Any]] = sandbox.state("clay_table")["tables"][TABLE]["rows"]
        return found

    def open_attempts(self) -> QuerySet[Attempt]:
        return super().open_attempts().filter(overdue_at=None)

    def acknowledged(self) -> int:
        return int(self.stats["clay_table"]["deliveries"]["acknowledged"])

    def clay(self) -> Iterable[Finding]:
        attempts = {each.reference: each for each in Attempt.objects.exclude(reference="")}
        references = [_value(row, "swarm_ref") for row in self.rows]
        yield finding("Clay: no run has two rows", len(references), twice(references))
        yield Finding("Clay: no run was submitted twice", len(references), self.stats["clay_table"]["refs_twice"])
        wrong = (
            row["id"]
            for row, reference in zip(self.rows, references, strict=True)
            if reference not in attempts or self._url(attempts[reference]) != canonical(_value(row, "linkedin_url"))
        )
        yield finding("Clay: every row is a run of ours, and of that person", len(self.rows), wrong)
        ignored = sum(source["ignored"] for source in self.sources)
        yield Finding("Clay: no source was used beyond its life", len(self.sources), ignored)
        ours = {source.url.rsplit("/", 1)[1]: source.taken for source in ClaySource.objects.all()}
        fewer = (each["slug"] for each in self.sources if ours[each["slug"]] < each["taken"])
        yield finding("no source has taken more than we have counted", len(self.sources), fewer)
        overdue = Attempt.objects.filter(overdue_at__isnull=False, status="running")
        unseen = (each.pk for each in overdue if each.lead_id not in self.failing)
        yield finding("every overdue run is on Failures", overdue.count(), unseen)

    def runs(self) -> Iterable[Finding]:
        """A row whose callback we have is booked at what it cost; no other costs anything."""
        came = self._references_that_came()
        cost = {_value(row, "swarm_ref"): Decimal(str(_value(row, "cost") or 0)) for row in self.rows}
        booked = dict(Attempt.objects.exclude(reference="").values_list("reference", "cost"))
        wrong = (
            f"{reference[:6]} {booked[reference]} for {cost.get(reference, 0)}"
            for reference in booked
            if booked[reference] != (cost.get(reference, 0) if reference in came else 0)
        )
        yield finding("every run costs what Clay charged, where its callback came", len(booked), wrong)
        silent = (row["id"] for row in self.rows if row["acknowledged"] and _value(row, "swarm_ref") not in came)
        yield finding("every callback that was acknowledged is kept", len(self.rows), silent)
        whole = Attempt.objects.aggregate(sum=Sum("cost"))["sum"] or Decimal(0)
        by_leads = sum((lead.enrichment_cost for lead in self.leads.values()), Decimal(0))
        yield Finding("what the leads cost is what their runs cost", len(self.leads), int(whole != by_leads))

    def _references_that_came(self) -> set[str]:
        bodies = WebhookDelivery.objects.filter(channel="row").values_list("body", flat=True)
        found = set()
        for body in bodies:
            try:
                document = json.loads(bytes(body))
            except ValueError:
                continue
            if isinstance(document, dict):
                found.add(str(document.get("swarm_ref")))
        return found

    def _url(self, attempt: Attempt) -> str:
        lead = self.leads.get(attempt.lead_id or 0)
        return lead.linkedin_url if lead else ""


def _value(row: dict[str, Any], column: str) -> Any:
    return row["cells"].get(column, {}).get("value")
