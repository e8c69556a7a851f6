"""The kinds of long work: what each is called, how it is shown, and who may open and stop it.

To add a kind:

1. a value with its label in `JobKind` (enrichment/models/job.py), and the migration of its choices;
2. an entry in `KINDS` below, whose `show(job)` says in a `Shown` what its page holds; the Jobs list, the page, the
   polling and the cancelling are then there;
3. its work: rows frozen one by one are a `Way` in `enrichment/jobs/retry_handlers.py`, with the kind in
   `job_outcome.BY_MEMBERS`,
   started by `jobs.start()`; anything else has a `run_due()` of its own with a tick in `enrichment/tasks.py` that
   moves the job with `advance()` and writes `position` of `total` as it goes, and an end in `job_outcome._ENDS`,
   which says what it came to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from enrichment.failures.causes import Cause
from enrichment.failures.sources import SOURCES
from enrichment.jobs import jobs
from enrichment.jobs.job_outcome import Outcome, counts_of, outcome
from enrichment.models import BulkJob
from enrichment.models.job import JobKind
from enrichment.templatetags.display import money, number

VIEW = "enrichment.view_lead"
RETRY = "enrichment.retry_lead"
DELIVER = "enrichment.deliver_lead"
IMPORT = "enrichment.import_lead"
WATERFALL = "enrichment.edit_waterfall"


@dataclass(frozen=True)
class Figure:
    """One figure at the top of a job's page; the tone is that of a number above 0."""

    label: str
    value: int
    tone: str = ""


@dataclass(frozen=True)
class Shown:
    """What the page of one job holds beside its bar.

    `outcome`: how it stands or ended. `facts`: label → value, as it was planned. `left_out`: reason → rows. `waits`:
    why nothing moves now. `unsettled`: rows it started are still in progress, so the page goes on asking. `link`:
    (name of an address, label) of the screen where what is left can be looked at. `code`: a message in its own type.
    """

    figures: list[Figure]
    outcome: Outcome
    facts: Mapping[str, str]
    left_out: Mapping[str, int] = field(default_factory=dict)
    waits: str = ""
    unsettled: bool = False
    link: tuple[str, str] | None = None
    code: str = ""


@dataclass(frozen=True)
class Kind:
    """`about(job)`: what it is about, in a line. `page`: the name of its page's address, with the job's key.

    `work`: what the bar counts. `open_right`, `stop_right`: the permissions to open and to cancel it. `no_stop`: what
    the button says to people without it, or to everybody where the kind never `stops`. `show`: None where `page` is
    a page of its own.
    """

    icon: str
    about: Callable[[BulkJob], str]
    work: str
    stop_right: str
    no_stop: str
    show: Callable[[BulkJob], Shown] | None = None
    open_right: str = VIEW
    page: str = "job"
    stops: bool = True


def kind_of(job: BulkJob) -> Kind:
    return KINDS[job.kind]


# ---------------------------------------------------------------- retries


def _cause(job: BulkJob) -> Cause | None:
    return jobs.cause_of(job) if job.kind == JobKind.RETRY else None


def _about_cause(job: BulkJob) -> str:
    cause = jobs.cause_of(job)
    return f"{cause.title}, {cause.provider_name}" if cause.provider else cause.title


def _about_rows(noun: str) -> Callable[[BulkJob], str]:
    return lambda job: f"{job.total:,} {noun}{'' if job.total == 1 else 's'} selected in the list"


def _show_retry(screen: tuple[str, str]) -> Callable[[BulkJob], Shown]:
    def show(job: BulkJob) -> Shown:
        counts = counts_of([job])[job.pk]
        cause = _cause(job)
        return Shown(
            figures=[
                Figure("Queued again", counts.started),
                Figure("In progress", counts.under_way),
                Figure("Recovered", counts.recovered, "green"),
                Figure("Failed again", counts.failed, "red"),
                *([Figure("No result", counts.other, "amber")] if counts.other else []),
                Figure("Skipped", job.rejected),
                Figure("Not started", job.total - job.position),
            ],
            outcome=outcome(job, counts),
            facts=_planned(job, cause),
            left_out=jobs.left_out(job),
            waits=jobs.paused(job),
            unsettled=bool(counts.under_way),
            link=screen if counts.failed or job.position < job.total else None,
            code=cause.shape if cause else "",
        )

    return show


def _planned(job: BulkJob, cause: Cause | None) -> dict[str, str]:
    facts = {"Cause": _about_cause(job)} if cause else {}
    facts["Rows"] = f"{number(job.plan['count'])} of {number(job.total)}"
    if job.plan.get("cost") is not None:
        facts[job.plan.get("cost_label") or "Planned cost"] = money(job.plan["cost"])
    return facts


def _about_import(job: BulkJob) -> str:
    return "Import of leads"


def _about_rescore(job: BulkJob) -> str:
    return f"All leads rescored with scorecard version {job.plan['version']}"


def _show_rescore(job: BulkJob) -> Shown:
    rescore = job.rescore
    late = job.status in jobs.LIVE and job.position >= job.total > 0
    return Shown(
        figures=[
            Figure("Scores changed", rescore.changed),
            Figure("Moved up", rescore.up, "green"),
            Figure("Moved down", rescore.down, "amber"),
            Figure("New in Tier 1 or 2", rescore.lifted),
            Figure("Left", max(job.total - job.position, 0)),
        ],
        outcome=outcome(job),
        facts={
            "Replaces": f"version {job.plan['over']}",
            "Leads": number(job.total),
            "New in Tier 1 or 2": rescore.get_after_display(),
        },
        waits="for webhooks processed before the version changed." if late else "",
        link=("icp_review", "Review") if rescore.moves.exists() else None,
    )


NO_END = (
    "A rescore can't be cancelled: it would leave tiers from two versions. Publish another version or "
    "roll back instead."
)
NO_RETRY = "You don't have permission to manage retries. Ask an admin."
NO_DELIVERY = "You don't have permission to manage deliveries. Ask an admin."
NO_PILOT = "You don't have permission to manage pilots. Ask an admin."
NO_IMPORT = "You don't have permission to manage imports. Ask an admin."

KINDS: dict[str, Kind] = {
    JobKind.IMPORT: Kind(
        "file-import", _about_import, "Rows read", IMPORT, NO_IMPORT, open_right=IMPORT, page="import_job"
    ),
    JobKind.PILOT: Kind(
        "flask",
        lambda job: f"Waterfall draft, tested on {job.total:,} lead{'' if job.total == 1 else 's'}",
        "Leads tested",
        WATERFALL,
        NO_PILOT,
        page="waterfall_pilot_result",
    ),
    JobKind.RETRY: Kind(
        "refresh",
        _about_cause,
        "Rows retried",
        RETRY,
        NO_RETRY,
        _show_retry(("failures", "Failures")),
    ),
    JobKind.RETRY_LEADS: Kind(
        "refresh",
        _about_rows("lead"),
        "Leads retried",
        RETRY,
        NO_RETRY,
        _show_retry(("failures", "Failures")),
    ),
    JobKind.RETRY_DELIVERIES: Kind(
        "send",
        lambda job: f"{job.total:,} {'delivery' if job.total == 1 else 'deliveries'} selected in the list",
        "Deliveries rescheduled",
        DELIVER,
        NO_DELIVERY,
        _show_retry(("deliveries", "Deliveries")),
    ),
    JobKind.RESCORE: Kind("target", _about_rescore, "Leads scored", VIEW, NO_END, _show_rescore, stops=False),
    JobKind.DELIVER_MOVED: Kind(
        "send",
        lambda job: f"{job.total:,} {'lead' if job.total == 1 else 'leads'} that a scorecard moved into Tier 1 or 2",
        "Deliveries planned",
        DELIVER,
        NO_DELIVERY,
        _show_retry(("icp_review", "Review")),
    ),
}


def icon(job: BulkJob) -> str:
    """The icon beside what a job is about: a failure's own, else its kind's."""
    cause = _cause(job)
    return SOURCES[cause.what].icon if cause else kind_of(job).icon
