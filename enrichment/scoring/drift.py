"""Where Clay's score differs from ours (D1), and why: every differing lead in exactly one group by cause.

Of a million leads only those that differ are read, by COPY into Polars. A cause is found by scoring them again:
under every scorecard that was ever published, on the mirror's values and on those of Clay's own row.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from django.db import connection

from enrichment.models import ScorecardVersion
from enrichment.pipeline.score.engine import Engine, engine
from enrichment.scoring import loading, snapshot
from enrichment.scoring.clay_formula import formula_of, formula_place, last_placement
from enrichment.scoring.clay_values import OTHER_VALUES, PINNED, UNREADABLE, read_clay_values
from enrichment.states import VersionStatus
from swarm_admin.core.cache import cached
from swarm_admin.core.numbers import parse_int

NOT_COMPUTED, RESCORE, ROUNDING, UNEXPLAINED = "not_computed", "rescore", "rounding", "unexplained"
OLDER = "older"
KEPT = "scoring:drift"
VERSION = "version"  # followed by the number: "version-3"
DIRECT = 150_000  # more than these differ: they are taken from the snapshot of all leads
NEAR = 1e-6  # two scores this near are one score that was written in fewer digits

MEANINGS = {
    RESCORE: "Clay already uses the published scorecard. Our score is waiting for the rescore.",
    ROUNDING: "Same score with fewer digits: Clay's column rounds.",
    PINNED: "Clay used a value that a rectification has replaced and pinned here.",
    UNREADABLE: "Clay used a value that doesn't fit the field's type.",
    OTHER_VALUES: "Clay's row had different or missing values when it was scored.",
    UNEXPLAINED: "No published scorecard gives this score, with either our values or Clay's.",
    OLDER: (
        "We updated Clay's row after this score was read. Clay recalculates it, and the next comparison reads "
        "the new score."
    ),
    NOT_COMPUTED: "Clay hasn't scored this lead yet.",
}
LABELS = {
    RESCORE: "Waiting for our rescore",
    ROUNDING: "Rounding",
    PINNED: "Different value: pinned here",
    UNREADABLE: "Different value: unreadable",
    OTHER_VALUES: "Different values in Clay's row",
    UNEXPLAINED: "Unexplained",
    OLDER: "Read before our last update to Clay",
    NOT_COMPUTED: "Not scored by Clay yet",
}


@dataclass(frozen=True)
class Cause:
    """A group of the report. `key` stands in addresses; `version` is the scorecard's number where it is one."""

    key: str
    label: str
    meaning: str
    count: int
    version: int | None = None


@dataclass(frozen=True)
class Report:
    """`compared`: leads with both scores of the same values; `equal`: of these, those whose scores are the same.

    `causes` come with the most leads first, those that were not compared last.
    `ids` are the leads of each, by key, sorted.
    `seconds` is how long it took, `at` when (Unix time).
    """

    compared: int
    equal: int
    causes: list[Cause]
    ids: dict[str, pl.Series]
    seconds: float
    at: float

    @property
    def differ(self) -> int:
        return self.compared - self.equal

    def cause(self, key: str) -> Cause | None:
        return next((cause for cause in self.causes if cause.key == key), None)


def drift_report() -> Report:
    """The report, as of some seconds ago at most (see `core.cache`)."""
    kept = cached(KEPT, lambda: _cacheable(count_drift()))
    ids = {key: pl.read_ipc(io.BytesIO(packed)).to_series() for key, packed in kept["ids"].items()}
    return Report(ids=ids, causes=[Cause(**cause) for cause in kept["causes"]], **kept["figures"])


def _cacheable(made: Report) -> dict[str, Any]:
    return {
        "figures": {name: getattr(made, name) for name in ("compared", "equal", "seconds", "at")},
        "causes": [vars(cause) for cause in made.causes],
        "ids": {key: _compressed_ids(series) for key, series in made.ids.items()},
    }


def _compressed_ids(ids: pl.Series) -> bytes:
    file = ids.to_frame().write_ipc(None, compression="zstd")
    return file.getvalue()


def is_cause(key: str) -> bool:
    """Whether there is such a group, be it empty now."""
    number = key.removeprefix(f"{VERSION}-")
    return key in LABELS or (key != number and parse_int(number) is not None)


def count_drift() -> Report:
    """The report as of now, exact."""
    began, at = time.perf_counter(), time.time()
    compared = _compared()
    frame = _differing()
    sorted_out = _sort_out(frame) if frame.height else frame.with_columns(cause=pl.lit(""))
    groups = {str(key): part["id"].sort() for (key,), part in sorted_out.group_by("cause")}
    waiting = _not_computed()
    if waiting.len():
        groups[NOT_COMPUTED] = waiting
    causes = [_cause(key, series.len()) for key, series in groups.items()]
    causes.sort(key=lambda cause: (cause.key in (OLDER, NOT_COMPUTED), -cause.count, cause.key))
    # What changed between the queries is counted as the second one saw it.
    equal = max(compared, frame.height) - frame.height
    differ = frame.height - (groups[OLDER].len() if OLDER in groups else 0)
    return Report(equal + differ, equal, causes, groups, time.perf_counter() - began, at)


def _cause(key: str, count: int) -> Cause:
    if key in LABELS:
        return Cause(key, LABELS[key], MEANINGS[key], count)
    number = int(key.removeprefix(f"{VERSION}-"))
    meaning = f"Clay's score matches scorecard version {number}."
    return Cause(key, f"Formula of scorecard version {number}", meaning, count, number)


# ---------------------------------------------------------------- reading


def _compared() -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(clay_score) FROM enrichment_lead WHERE {loading.SCORED}")  # noqa: S608
        return int(cursor.fetchone()[0])


def _copied(query: str, schema: dict[str, Any]) -> pl.DataFrame:
    with connection.cursor() as cursor, cursor.cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT csv)") as copy:
        text = b"".join(bytes(block) for block in copy)
    return pl.read_csv(text, has_header=False, schema=schema) if text else pl.DataFrame(schema=schema)


def _not_computed() -> pl.Series:
    query = f"SELECT id FROM enrichment_lead WHERE clay_score IS NULL AND {loading.SCORED} ORDER BY id"  # noqa: S608
    return _copied(query, {"id": pl.Int64})["id"]


def _differing() -> pl.DataFrame:
    """id, ours, clays, older (Clay's is older than what we wrote), and the fields that any scorecard looks at."""
    differs = "(clay_score < icp_score OR clay_score > icp_score)"  # as the partial index says it
    older = "(clay_rewritten_at IS NOT NULL)::int"
    query = f"SELECT id, icp_score, clay_score, {older} FROM enrichment_lead WHERE {differs} AND {loading.SCORED}"  # noqa: S608
    scores = _copied(query, {"id": pl.Int64, "ours": pl.Float64, "clays": pl.Float64, "older": pl.Int64})
    fields = sorted({field for version in _versions() for field in engine(version.pk).columns})
    if scores.height > DIRECT:
        kept = snapshot.current(fields)
        base = kept.base.filter(~pl.col("id").is_in(kept.changed.implode()))
        values = pl.concat([base.select("id", *fields), kept.fresh.select("id", *fields)])
    else:
        values = loading.load_leads(fields, "id = ANY(%s)", [scores["id"].to_list()]).select("id", *fields)
    return scores.join(values, on="id", how="inner")


def _versions() -> list[ScorecardVersion]:
    """One version of each formula there ever was: what Clay is known to have first, then the newest."""
    was = (VersionStatus.PUBLISHED, VersionStatus.SUPERSEDED)
    former_versions = list(ScorecardVersion.objects.filter(status__in=was).order_by("-number"))
    here = last_placement(formula_place())
    known = here.scorecard_id if here else None
    former_versions.sort(key=lambda v: (v.status != VersionStatus.PUBLISHED, v.pk != known))
    first: dict[str, ScorecardVersion] = {}
    for version in former_versions:  # of two with the same formula, the first stands for both
        first.setdefault(formula_of(version).fingerprint, version)
    return list(first.values())


# ---------------------------------------------------------------- sorting by cause


def _sort_out(frame: pl.DataFrame) -> pl.DataFrame:
    """(id, cause) of every differing lead. Each further version is tried on those alone that are left."""
    live, *others = _versions()
    here = last_placement(formula_place())
    in_clay = formula_of(here.scorecard).fingerprint if here else ""
    known = [version for version in others if formula_of(version).fingerprint == in_clay]
    rest = [version for version in others if version not in known]
    sorted_out, left = _split(
        frame, RESCORE, engine(live.pk), _is_same_score(OWN) & ~_is_same_score(OWN, pl.col("ours"))
    )
    for version in known:
        found, left = _split(left, f"{VERSION}-{version.number}", engine(version.pk), _is_same_score(OWN))
        sorted_out = sorted_out.vstack(found)
    for cause, holds in ((ROUNDING, _rounded(pl.col("ours"))), (OLDER, pl.col("older") == 1)):
        found, left = _split(left, cause, None, holds)
        sorted_out = sorted_out.vstack(found)
    for version in rest:
        found, left = _split(left, f"{VERSION}-{version.number}", engine(version.pk), _is_same_score(OWN))
        sorted_out = sorted_out.vstack(found)
    return sorted_out.vstack(_by_clays_values(left, [live, *known, *rest]))


OWN = pl.col("own")  # what the version that is tried gives on the mirror's values


def _split(frame: pl.DataFrame, cause: str, scorer: Engine | None, holds: pl.Expr) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(id, cause) of the leads for which it holds, and the others as they came."""
    scored = frame
    if scorer is not None:
        total = scorer.score_frame(frame.select(scorer.columns))["total"]
        scored = frame.with_columns(total.alias("own"))
    found = scored.select(holds.fill_null(value=False)).to_series()
    return frame.filter(found).select("id", cause=pl.lit(cause)), frame.filter(~found)


def _is_same_score(score: pl.Expr, other: pl.Expr | None = None) -> pl.Expr:
    """Whether Clay's score, or another one, is this score."""
    return ((pl.col("clays") if other is None else other) - score).abs() < NEAR


def _rounded(score: pl.Expr) -> pl.Expr:
    """Clay's score is ours with fewer digits: rounded, cut or rounded up to a whole number, or to NEAR."""
    whole = (pl.col("clays") == pl.col("clays").round()) & (score != score.round())
    return _is_same_score(score) | (whole & ((pl.col("clays") - score).abs() < 1))


def _by_clays_values(left: pl.DataFrame, versions: Sequence[ScorecardVersion]) -> pl.DataFrame:
    """What is left, scored on the values of Clay's own row where they are other than the mirror's."""
    causes = dict.fromkeys(left["id"].to_list(), UNEXPLAINED)
    clays = dict(left.select("id", "clays").iter_rows())
    fields = sorted({field for version in versions for field in engine(version.pk).columns})
    for ids in _batches(list(causes)):
        rows = read_clay_values(ids, fields)
        for version in versions:
            totals = engine(version.pk).totals([row.values for row in rows])
            for row, points in zip(rows, totals, strict=True):
                if abs(clays[row.lead_id] - points) < NEAR:
                    causes[row.lead_id] = row.reason
    return pl.DataFrame(
        {"id": list(causes), "cause": list(causes.values())}, schema={"id": pl.Int64, "cause": pl.String}
    )


def _batches(ids: Sequence[int], size: int = 5_000) -> Iterator[Sequence[int]]:
    for at in range(0, len(ids), size):
        yield ids[at : at + size]
