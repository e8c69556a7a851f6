"""The list of Deliveries as an address asks for it: filters, words, page; and its figures."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from enrichment.deliveries.lists import DeliveryList
from enrichment.models import Handover, lead_search
from enrichment.models.handover import System
from enrichment.states import HandoverStatus
from swarm_admin.core.cache import cached

DAY = datetime.timedelta(days=1)


class HandoverList(DeliveryList):
    names = ("system", "status", "differs")
    open = (HandoverStatus.PLANNED, HandoverStatus.IN_FLIGHT, HandoverStatus.UNKNOWN)

    def choices(self) -> dict[str, tuple[str, list[tuple[str, str]]]]:
        return {
            "system": ("System", list(System.choices)),
            "status": ("Status", list(HandoverStatus.choices)),
            "differs": ("Mismatch", [("yes", "Yes")]),
        }

    def rows(self) -> QuerySet[Handover]:
        """The words are a lead's number, or the record's id at the other side, whole."""
        handovers = Handover.objects.all()
        for name in ("system", "status"):
            if name in self.chosen:
                handovers = handovers.filter(**{name: self.chosen[name]})
        if "differs" in self.chosen:
            handovers = stored_differently(handovers)
        if self.words:
            number, reference = lead_search.number_of(self.words), Q(external_id=self.words)
            handovers = handovers.filter(reference if number is None else Q(lead=number) | reference)
        return handovers.select_related("lead").only(
            *(field.attname for field in Handover._meta.concrete_fields),
            *(f"lead__{name}" for name in ("first_name", "last_name", "company_name")),
        )


def stored_differently(handovers: QuerySet[Handover]) -> QuerySet[Handover]:
    """Those stored otherwise than sent, and not overtaken by a later delivery of the same lead."""
    later = Handover.objects.filter(
        lead=OuterRef("lead"), system=OuterRef("system"), pk__gt=OuterRef("pk"), status=HandoverStatus.DONE
    )
    return handovers.exclude(differences=[]).filter(~Exists(later))


def handover_figures() -> dict[str, dict[str, int]]:
    """{system: {done (of the last day), waiting, unknown, failed, withheld, differing}}."""
    return dict(cached("handover_figures", _handover_figures))


def _handover_figures() -> dict[str, dict[str, int]]:
    figures = {system: dict.fromkeys(FIGURES, 0) for system in System.values}
    done = Handover.objects.filter(finished_at__gte=timezone.now() - DAY, status=HandoverStatus.DONE)
    counts: dict[str, QuerySet[Handover]] = {
        "done": done,
        "waiting": Handover.objects.filter(status__in=[HandoverStatus.PLANNED, HandoverStatus.IN_FLIGHT]),
        "unknown": Handover.objects.filter(status=HandoverStatus.UNKNOWN),
        "failed": Handover.objects.filter(status=HandoverStatus.FAILED),
        "withheld": Handover.objects.filter(status=HandoverStatus.WITHHELD),
        "differing": stored_differently(Handover.objects.all()),
    }
    for name, rows in counts.items():
        _add(figures, name, dict(rows.order_by().values_list("system").annotate(n=Count("pk"))))
    return figures


FIGURES = ("done", "waiting", "unknown", "failed", "withheld", "differing")


def _add(figures: dict[str, dict[str, int]], name: str, counted: Mapping[str, int]) -> None:
    for system, n in counted.items():
        figures[system][name] = n
