"""How long work takes, by every limit there is: `estimate()` is asked by every plan, preview and progress."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from enrichment.documents.waterfall import WaterfallDocument, active_waterfall
from enrichment.estimates import queue
from enrichment.estimates.enriching import FLUSH, Clay, FillIn, Leads, ProviderLoad, sending_time
from enrichment.estimates.lanes import Lane
from enrichment.estimates.submitting import Submissions, submitting_time
from enrichment.models import Provider, Rescore, SpendCap
from enrichment.models.connection import CLAY_CREATES, CLAY_ROWS, CLAY_TRIGGERS
from enrichment.models.spend import CapPeriod
from enrichment.models.work import URGENT
from enrichment.vendor_pauses import pauses
from enrichment.vendor_pauses import words as hold_words
from enrichment.vendors import limiter, registry
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay import chosen
from enrichment.vendors.clay.routine import FILE_CALLS, RUN_MAX
from enrichment.vendors.clay.table import clay_table
from enrichment.waterfall.figures import expected_calls
from enrichment.waterfall.provider_budget import hourly_limits, never_asked
from swarm_admin.core.durations import approximate, capitalize
from swarm_admin.core.timing import span

LOWEST = -1_000  # below every priority: all that waits leaves first


@dataclass(frozen=True)
class Work:
    """What is to be done, behind what waits already; a `Work()` of nothing is that alone.

    `leads` to enrich, `rowless` of them without a row in Clay, at `priority`, without the providers in `skip`, by
    `document` (None: the published one). `deliveries`: {system: how many}. `updates`: leads to write back to Clay.
    `calls`: {limit of Clay: further calls, one by one}. `scored`: leads to score anew.
    """

    leads: int = 0
    rowless: int = 0
    priority: int = 0
    skip: Collection[str] = ()
    document: WaterfallDocument | None = None
    deliveries: Mapping[str, int] = field(default_factory=dict)
    updates: int = 0
    calls: Mapping[str, int] = field(default_factory=dict)
    scored: int = 0


@dataclass(frozen=True)
class Estimate:
    """`seconds`: real ones, until the last of it has been sent; `limited_by`: what that waits for, "" where nothing.

    `paused`: why nothing is sent now, a sentence; there is no estimate until that ends. `fill_ins`: providers that
    are asked later, the last of them first. `is_known`: there is something to judge by.
    """

    seconds: float = 0.0
    limited_by: str = ""
    paused: str = ""
    fill_ins: tuple[FillIn, ...] = ()
    is_known: bool = True

    @property
    def words(self) -> str:
        """ "about 5 h", "never", "paused: …" or "not known yet"."""
        if not self.is_known:
            return "not known yet"
        return "paused: no estimate until resumed" if self.paused else approximate(self.seconds)

    @property
    def sent_words(self) -> str:
        """Beside a figure of what waits: "all sent in about 5 h"."""
        return f"all sent in {self.words}"

    @property
    def left(self) -> str:
        """Of work that has begun: "About 5 h left.", and what it waits for; in sentences."""
        return self.note if self.paused else f"{capitalize(self.words)} left. {self.note}".strip()

    @property
    def note(self) -> str:
        """What the time waits for and what is filled in later, in sentences; "" where there is nothing to say."""
        if self.paused:
            return f"{self.paused} No estimate until it resumes."
        limited = f"Limited by {self.limited_by}." if self.limited_by and self.limited_by != FLUSH else ""
        flush = "Partial batches wait up to a minute to fill." if self.limited_by == FLUSH else ""
        return " ".join(part for part in (limited, flush, self._fill_in_words()) if part)

    def _fill_in_words(self) -> str:
        if not self.fill_ins:
            return ""
        most, last = max(each.leads for each in self.fill_ins), self.fill_ins[0]
        names = _listed([each.provider for each in self.fill_ins])
        leads = f"{most:,} lead{'' if most == 1 else 's'}"
        if math.isinf(last.seconds):
            return f"Up to {leads} continue without {names}; {last.provider} is never called: its limit is 0."
        return (
            f"Up to {leads} continue without {names} and are filled in later; the last, by {last.provider}, in "
            f"{approximate(last.seconds)}."
        )


def estimate(work: Work | None = None) -> Estimate:
    """How long `work` takes at today's limits, behind what waits already. Takes no slot; a few queries."""
    work = work or Work()
    waiting = queue.waiting_work()
    is_alone = not (work.deliveries or work.updates or work.calls or work.scored)
    parts = [_enriching(work, waiting)] if work.leads or is_alone else []
    parts += [_delivering(system, count, waiting) for system, count in work.deliveries.items() if count]
    if work.updates and chosen.can(Capability.UPDATE):
        parts.append(_writing_back(work.updates, waiting))
    parts += [_calling(name, count) for name, count in work.calls.items()]
    if work.scored:
        parts.append(_scoring(work.scored))
    if paused := next((each.paused for each in parts if each.paused), ""):
        return Estimate(paused=paused)
    return max(parts, key=lambda each: each.seconds, default=Estimate())


def _paused(system: str) -> str:
    hold = pauses.open_pause(system)
    return hold_words.sentence(hold) if hold else ""


# ---------------------------------------------------------------- enrichment


def _enriching(work: Work, found: dict[str, Any]) -> Estimate:
    ours = Leads(work.leads, work.rowless, urgent=work.priority >= URGENT)
    ahead = queue.work_ahead_of(work.priority if work.leads else LOWEST, found)
    if not ours.count + ahead.count:
        return Estimate()
    if not chosen.can(Capability.TRIGGER):
        return _submitting(ours, ahead)
    if paused := _paused("clay") or _paused(CLAY_TRIGGERS):
        return Estimate(paused=paused)
    rowless = ours.rowless or (not work.leads and ahead.rowless)
    if rowless and (no_rows := _paused(CLAY_ROWS) or _paused(CLAY_CREATES)):
        return Estimate(paused=no_rows)
    if cap := _used_up():
        return Estimate(paused=f"{cap.label} is reached, so no leads are sent.")
    document = work.document or published()
    asked = providers(document, work.skip, found)
    unlimited = bool(document.providers() - set(work.skip) - {slug for slug, _ in asked})
    sending = sending_time(ours, ahead, _clay(), [each for _, each in asked], unlimited=unlimited)
    return Estimate(sending.seconds, sending.limited_by, fill_ins=sending.fill_ins)


def _submitting(ours: Leads, ahead: Leads) -> Estimate:
    if paused := _paused("clay") or _paused(CLAY_ROWS):
        return Estimate(paused=paused)
    if cap := _used_up():
        return Estimate(paused=f"{cap.label} is reached, so no leads are sent.")
    sending = submitting_time(ours, ahead, _submissions())
    return Estimate(sending.seconds, sending.limited_by)


def _submissions() -> Submissions:
    name, words = ("clay.submissions", "submission") if chosen.can(Capability.RECEIVE_ROW) else ("clay.calls", "call")
    limit = dataclasses.replace(lane(name, settings.CLAY_WORKSPACE_ID), name=f"Clay's {words} limit")
    connector = chosen.connector_class()
    flush = span(settings.CLAY_FLUSH_SECONDS).total_seconds() if connector.fills_batches else 0.0
    return Submissions(limit, calls_to_submit, connector.runs_at_once, flush)


def calls_to_submit(leads: int) -> int:
    """How many calls so many leads take, in full batches: one a row of a table, one a run, more a run over a file."""
    if chosen.can(Capability.RECEIVE_ROW):
        return leads
    full, rest = divmod(leads, chosen.connector_class().runs_at_once)
    return full * FILE_CALLS + (FILE_CALLS if rest > RUN_MAX else min(rest, 1))


def _used_up() -> SpendCap | None:
    """A cap that holds every lead; one of a source or of a single lead holds some."""
    caps = SpendCap.objects.filter(reached_at__isnull=False, source_type="")
    return caps.exclude(period=CapPeriod.LEAD).first()


def published() -> WaterfallDocument:
    return active_waterfall()


def providers(
    document: WaterfallDocument, skip: Collection[str] = (), found: Mapping[str, Any] | None = None
) -> list[tuple[str, ProviderLoad]]:
    """(slug, what is asked of it) of every provider of the waterfalls that has an hourly budget."""
    each = expected_calls(document, settings.CLAY_TRIGGER_BATCH, skip)
    never = never_asked(document, hourly_limits())  # left out, so nobody waits for them
    fill_ins = found["fill_ins"] if found else {}
    limited = Provider.objects.filter(slug__in=list(each), hourly_limit__isnull=False).order_by("slug")
    return [
        (
            provider.slug,
            ProviderLoad(
                _provider_lane(provider),
                each[provider.slug],
                provider.slug not in never and document.waits_for([provider.slug]),
                fill_ins.get(provider.slug, 0),
            ),
        )
        for provider in limited
    ]


def _provider_lane(provider: Provider) -> Lane:
    name, limit = f"provider:{provider.slug}", provider.hourly_limit
    return Lane(provider.name, limiter.limits_of(name, limit), limiter.peek_all(name, limit=limit))


def _clay() -> Clay:
    return Clay(
        lane("clay.rows", clay_table()),
        lane("clay.triggers", settings.CLAY_WORKSPACE_ID),
        settings.CLAY_ROWS_BATCH,
        settings.CLAY_TRIGGER_BATCH,
        span(settings.CLAY_FLUSH_SECONDS).total_seconds(),
        settings.CLAY_LIMIT_UNIT == "rows",
    )


def lane(name: str, scope: str) -> Lane:
    """A vendor's limit as it stands; nothing is taken."""
    return Lane(name, limiter.limits_of(name), limiter.peek_all(name, scope))


# ---------------------------------------------------------------- everything else


def _delivering(system: str, count: int, found: dict[str, Any]) -> Estimate:
    if paused := _paused(system):
        return Estimate(paused=paused)
    channel, due = registry.delivery_to(system), found["handovers"].get(system, {}).get("due", 0)
    seconds = lane(channel.limit, channel.scope()).seconds((count + due) * channel.calls)
    return Estimate(seconds, f"{registry.name_of(system)}'s call limit" if seconds else "")


def _writing_back(leads: int, found: dict[str, Any]) -> Estimate:
    if paused := _paused("clay"):
        return Estimate(paused=paused)
    size = settings.CLAY_UPDATE_BATCH
    calls = calls_of(leads, size) + calls_of(found["updates"], size)
    seconds = lane("clay.updates", clay_table()).seconds(calls)
    flush = span(settings.CLAY_FLUSH_SECONDS).total_seconds() if leads % size else 0.0
    return Estimate(seconds + flush, "Clay's row-update limit" if seconds else FLUSH if flush else "")


def calls_of(leads: int, batch: int) -> int:
    """Clay's limits count calls, or rows where the setting says so (the specification leaves it open)."""
    return leads if settings.CLAY_LIMIT_UNIT == "rows" else math.ceil(leads / batch)


def _calling(name: str, count: int) -> Estimate:
    if paused := _paused("clay"):
        return Estimate(paused=paused)
    seconds = lane(name, clay_table()).seconds(count)
    return Estimate(seconds, "Clay's row-update limit" if seconds else "")


def _scoring(leads: int) -> Estimate:
    """No vendor limits it: as long as the last rescore took, lead for lead."""
    last = Rescore.objects.filter(finished_at__isnull=False, job__total__gt=0, job__started_at__isnull=False)
    last_rescore = last.select_related("job").order_by("-pk").first()
    if last_rescore is None or last_rescore.job.started_at is None or last_rescore.finished_at is None:
        return Estimate(is_known=False)
    seconds = (last_rescore.finished_at - last_rescore.job.started_at).total_seconds()
    return Estimate(leads * seconds / last_rescore.job.total)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
