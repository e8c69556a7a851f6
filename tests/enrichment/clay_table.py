"""The rows of the sandbox's Clay table, made, changed and compared by the tests."""

from django.utils import timezone

from enrichment.drift import mending, reconcile
from enrichment.models import (
    Drift,
    ReconcileRun,
)

TABLE = "/tables/tbl_test"
FULL_ROW = {
    "first_name": "Nora",
    "company_name": "Acme Inc",
    "source_type": "post_liker",
    "source_name": "Gong.io",
}


def url(slug):
    return f"https://www.linkedin.com/in/{slug}"


def make_row(pipeline, slug, **values):
    answer = pipeline.sandbox.clay.post(f"{TABLE}/rows", json={"rows": [{"linkedin_url": url(slug), **values}]})
    answer.raise_for_status()
    return answer.json()["rows"][0]["id"]


def change_row(pipeline, row_id, **values):
    pipeline.sandbox.clay.patch(f"{TABLE}/rows/{row_id}", json=values).raise_for_status()


def delete_row(pipeline, row_id):
    pipeline.sandbox.clay.delete(f"{TABLE}/rows/{row_id}").raise_for_status()


def rows_of(pipeline, slug):
    query = {"query": {"linkedin_url": url(slug)}}
    return [row["id"] for row in pipeline.sandbox.clay.post(f"{TABLE}/rows/search", json=query).json()["rows"]]


def settled(pipeline, *slugs):
    leads = [pipeline.lead(slug) for slug in slugs]
    pipeline.settle()
    for lead in leads:
        lead.refresh_from_db()
    return leads


def run(*, full=True):
    """A whole comparison, however many ticks it takes."""
    started = reconcile.start_run(full=full)
    assert started is not None
    ReconcileRun.objects.filter(pk=started.pk).update(in_flight_since=None)
    for _ in range(200):
        reconcile.run_due()
        started.refresh_from_db()
        if not started.is_open:
            return started
        ReconcileRun.objects.filter(pk=started.pk).update(not_before=timezone.now())
    raise AssertionError("the run does not end")


def found():
    return sorted(Drift.objects.filter(resolved_at__isnull=True).values_list("kind", "row_id"))


def mend(kind):
    asked = mending.request_repairs(mending.plan_repairs(kind), by=None)
    mending.run_due()
    return asked
