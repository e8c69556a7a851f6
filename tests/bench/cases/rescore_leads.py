"""A published scorecard that moves every lead, beside one UPDATE of the same columns."""

import copy
import time
from collections.abc import Iterator
from typing import Any

from tests.bench.bench import Bench
from tests.bench.registry import Figure, benchmark, ratio_at_most

UPDATE = """
UPDATE enrichment_lead SET icp_score = icp_score + 1, icp_tier = 4 - icp_tier, scorecard_id = %s,
       scored_at = clock_timestamp(), updated_at = clock_timestamp()
WHERE icp_score IS NOT NULL AND restriction = ''
"""


def _moves_every_lead() -> dict[str, Any]:
    """One point for everybody, and ten less for the sizes that earned most: no score stays as it was."""
    from enrichment.documents.scorecard import PUBLISHED

    document = copy.deepcopy(PUBLISHED)
    document["components"][0]["bands"][0]["points"] = 20
    everybody = {"needles": ["linkedin"], "match": "substring", "points": 1}
    document["components"].append(
        {
            "id": "here",
            "label": "Is here",
            "field": "linkedin_url",
            "cap": 1,
            "kind": "rules",
            "rules": [everybody],
        }
    )
    return document


@benchmark("rescore", aim="publish a scorecard that moves every lead: ≤ 1.5 times one UPDATE of the same columns")
def rescore_leads(bench: Bench) -> Iterator[Figure]:
    """Each on a copy of its own, as a backup would be restored."""
    with bench.leads_copy():
        reference, written = _one_update()
    with bench.leads_copy():
        taken, changed = _rescore()
    note = f"{changed:,} of {written:,} leads written"
    yield Figure("rescore, every lead moves", taken, "s", reference=reference, aim=ratio_at_most(1.5), note=note)
    yield Figure("rescore, leads per second", changed / taken, "1/s", reference=written / reference)
    with bench.leads_copy():
        few, changed = _rescore(few=True)
    yield Figure("rescore, few leads move", few, "s", reference=reference, note=f"{changed:,} leads written")


def _one_update() -> tuple[float, int]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM enrichment_scorecardversion LIMIT 1")
        card = cursor.fetchone()[0]
        cursor.execute("CHECKPOINT")
        started = time.perf_counter()
        cursor.execute(UPDATE, [card])
        return time.perf_counter() - started, int(cursor.rowcount)


def _rescore(*, few: bool = False) -> tuple[float, int]:
    """From the publisher's click until every tier is the new version's."""
    from django.db import connection

    from enrichment import versions
    from enrichment.models import AfterRescore, ScorecardVersion
    from enrichment.pipeline.score.engine import engine
    from enrichment.scoring import publishing, rescore

    engine.cache_clear()  # the copy before had another version under the same key
    document = _moves_every_lead()
    if few:
        document = copy.deepcopy(versions.published(ScorecardVersion).document)
        document["components"][2]["rules"].append({"needles": ["founder"], "match": "word", "points": 1})
    live = versions.published(ScorecardVersion)
    draft = versions.start_draft(ScorecardVersion, by=None)
    draft = versions.save_draft(draft, document, revision=draft.revision, by=None)
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
    started = time.perf_counter()
    done = publishing.publish(
        draft, revision=draft.revision, over=live.number, note="Measured", after=AfterRescore.NOTHING, by=None
    )
    while rescore.run_due():
        pass
    taken = time.perf_counter() - started
    done.refresh_from_db()
    return taken, done.changed
