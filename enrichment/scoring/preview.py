"""What a card would change, over every lead: tiers, scores, who moves, and how many reach the campaign."""

from __future__ import annotations

import functools
import hashlib
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from django.conf import settings

from enrichment.documents.scorecard import Component, Scorecard
from enrichment.pipeline.score.engine import Engine, find_hits
from enrichment.scoring import snapshot
from enrichment.scoring.snapshot import Snapshot
from enrichment.vendors.instantly.fields import CAMPAIGN_TIERS

BINS = 20
KEPT = 16  # components whose hits a process keeps: 1 MB each for a million leads, 12 MB where entries are counted


@dataclass(frozen=True)
class Campaign:
    """Leads of the campaign tiers that have an e-mail, before and after; who comes in and who falls out."""

    before: int
    after: int
    entering: int
    leaving: int

    @property
    def change(self) -> int:
        return self.after - self.before


@dataclass(frozen=True)
class Effect:
    """`matrix[i][j]`: leads that go from tier i + 1 of the live card to tier j + 1 of the draft.

    `histogram`: leads per score step before and after; step i holds scores from `edges[i]` up to the next.
    `seconds`: how long it took. `frame`: id, score, tier and their `_before`; one row a lead.
    """

    leads: int
    before: list[str]
    after: list[str]
    matrix: list[list[int]]
    edges: list[float]
    histogram: tuple[list[int], list[int]]
    rescored: int
    up: int
    down: int
    campaign: Campaign
    seconds: float
    frame: pl.DataFrame

    @property
    def moved(self) -> int:
        return self.up + self.down


def effect_of_draft(live: Scorecard, draft: Scorecard) -> Effect:
    """The exact effect of `draft` in place of `live` on the leads as they are now."""
    started = time.perf_counter()
    leads = snapshot.current({part.field for card in (live, draft) for part in card.components})
    before, after = _scores(leads, live), _scores(leads, draft)
    frame = before.select(
        "id", "email", "reachable", "in_campaign", score_before="score", tier_before="tier"
    ).with_columns(score=after["score"], tier=after["tier"])
    return _measure(frame, live, draft, started)


def _measure(frame: pl.DataFrame, live: Scorecard, draft: Scorecard, started: float) -> Effect:
    counts = frame.group_by("tier_before", "tier").len()
    before, after = _names(live, frame["tier_before"]), _names(draft, frame["tier"])
    matrix = [[0] * len(after) for _ in before]
    for from_tier, to_tier, count in counts.iter_rows():
        matrix[from_tier - 1][to_tier - 1] = count
    pairs = [(i, j, n) for i, row in enumerate(matrix) for j, n in enumerate(row)]
    top = max(live.cap, draft.cap)
    edges = [top * step / BINS for step in range(BINS)]
    return Effect(
        leads=frame.height,
        before=before,
        after=after,
        matrix=matrix,
        edges=edges,
        histogram=(_histogram(frame["score_before"], top), _histogram(frame["score"], top)),
        rescored=int((frame["score_before"] != frame["score"]).sum()),
        up=sum(n for i, j, n in pairs if j < i),
        down=sum(n for i, j, n in pairs if j > i),
        campaign=_campaign(frame),
        seconds=time.perf_counter() - started,
        frame=frame,
    )


def _names(card: Scorecard, tiers: pl.Series) -> list[str]:
    """The card's tiers; Clay may name further ones (TIER_SOURCE=clay)."""
    names = [tier.name for tier in card.tiers]
    most: Any = tiers.max() or 0
    return names + [f"Tier {number}" for number in range(len(names) + 1, most + 1)]


def _histogram(scores: pl.Series, top: float) -> list[int]:
    """Leads per step; the last step includes the highest score."""
    step = (scores * (BINS / top)).floor().clip(0, BINS - 1).cast(pl.UInt8)
    counts = dict(step.value_counts().iter_rows())
    return [int(counts.get(number, 0)) for number in range(BINS)]


def _campaign(frame: pl.DataFrame) -> Campaign:
    mailable = frame.filter(pl.col("email"))
    was, will = (mailable[name].is_in(CAMPAIGN_TIERS) for name in ("tier_before", "tier"))
    return Campaign(int(was.sum()), int(will.sum()), int((~was & will).sum()), int((was & ~will).sum()))


# ---------------------------------------------------------------- scores


_kept: OrderedDict[tuple[str, str], pl.Series] = OrderedDict()
_lock = threading.Lock()


def _scores(leads: Snapshot, card: Scorecard) -> pl.DataFrame:
    """id, flags, score and tier of every lead.

    Which awards the leads of the file hit is kept by component: a changed weight, cap or threshold needs no text
    to be searched again, and a changed rule only its own component.
    """
    engine = engine_of(json.dumps(card.document(), sort_keys=True))
    hits = [_hits(leads, part).alias(f"rule.{part.id}") for part in card.components]
    base = _result(leads.base, engine.score_hits(pl.DataFrame(hits)))
    if leads.changed.is_empty():
        return base
    unchanged = base.filter(~pl.col("id").is_in(leads.changed.implode()))
    return pl.concat([unchanged, _result(leads.fresh, engine.score_frame(leads.fresh))])


def _result(leads: pl.DataFrame, scored: pl.DataFrame) -> pl.DataFrame:
    frame = leads.select("id", "email", "reachable", "in_campaign", "clay_tier").with_columns(
        score=scored["total"], tier=scored["tier"]
    )
    if settings.TIER_SOURCE == "clay":
        frame = frame.with_columns(tier=pl.coalesce("clay_tier", "tier"))
    return frame.drop("clay_tier")


def _hits(leads: Snapshot, part: Component) -> pl.Series:
    """Of the leads in the file."""
    key = (leads.version.partition(":")[0], _matching(part))
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    hits = find_hits(part, leads.base)
    with _lock:
        _kept[key] = hits
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return hits


def _matching(part: Component) -> str:
    """What decides which award hits: the component without its worth and its names."""
    condition = part.model_dump(mode="json", exclude_none=True, include={"field", "kind", "match", part.awards_in})
    for award in condition[part.awards_in]:
        del award["points"]
    return json.dumps(condition, sort_keys=True)


@functools.lru_cache(maxsize=16)
def engine_of(document: str) -> Engine:
    """The engine of a card given as JSON, built once per process."""
    return Engine(Scorecard.model_validate_json(document))


def fingerprint(document: Any) -> str:
    """The same for documents that say the same."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _drop_cached() -> None:
    with _lock:
        _kept.clear()


snapshot.on_release.append(_drop_cached)


# ---------------------------------------------------------------- who moves


@dataclass(frozen=True)
class TierChange:
    """One lead that changes its tier. Tiers are numbered from 1."""

    lead_id: int
    score_before: float
    score: float
    tier_before: int
    tier: int


def tier_changes(found: Effect, cell: tuple[int, int] | None = None) -> pl.DataFrame:
    """Those whose tier changes, the best new score first; `cell`: from tier i to tier j only."""
    moved = found.frame.filter(pl.col("tier_before") != pl.col("tier"))
    if cell:
        moved = found.frame.filter((pl.col("tier_before") == cell[0]) & (pl.col("tier") == cell[1]))
    return moved.sort(["score", "id"], descending=[True, False])


def page_of(moved: pl.DataFrame, first: int, count: int) -> list[TierChange]:
    columns = ("id", "score_before", "score", "tier_before", "tier")
    return [TierChange(*row) for row in moved.slice(first, count).select(columns).iter_rows()]


def entering_campaign(found: Effect, tiers: Sequence[int] = CAMPAIGN_TIERS) -> pl.DataFrame:
    """Those that come into a campaign tier, with or without an e-mail."""
    came = ~pl.col("tier_before").is_in(tiers) & pl.col("tier").is_in(tiers)
    return found.frame.filter(came)
