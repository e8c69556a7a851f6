"""The exact effect of an edited scorecard over every lead, as a person waits for it while typing."""

import copy
import time
from collections.abc import Callable, Iterator
from typing import Any

from tests.bench.bench import Bench
from tests.bench.registry import Figure, at_most, benchmark

ROUNDS = 5
# One count with a condition for each rule: what one would ask PostgreSQL instead, for one of its many numbers.
COUNT = """
SELECT count(*) FROM enrichment_lead WHERE icp_score IS NOT NULL AND restriction = '' AND (
  CASE WHEN company_size BETWEEN 200 AND 2000 THEN 30 WHEN company_size >= 100 AND company_size < 200 THEN 20
       WHEN company_size >= 50 AND company_size < 100 THEN 10 WHEN company_size > 2000 AND company_size <= 5000 THEN 15
       ELSE 0 END
+ CASE WHEN company_industry IN ('SaaS', 'Technology', 'Software', 'B2B') THEN 20 ELSE 0 END
+ CASE WHEN lower(title) LIKE ANY ('{%chief%,%cro%,%ceo%}') THEN 25
       WHEN lower(title) LIKE ANY ('{%vp%,%vice president%}') THEN 20 WHEN lower(title) LIKE '%director%' THEN 15
       WHEN lower(title) LIKE ANY ('{%head of%,%senior%}') THEN 10 ELSE 0 END
+ least(15, 5 * (SELECT count(*) FROM unnest(tech_stack) AS entry
                  WHERE lower(entry) LIKE ANY ('{%salesforce%,%hubspot%,%outreach%,%gong%,%clari%}')))
+ CASE WHEN funding_stage IN ('Series A', 'Series B', 'Series C') THEN 10 ELSE 0 END) >= 80
"""


def _weight(document: dict[str, Any], step: int) -> None:
    document["components"][0]["bands"][0]["points"] = 10 + step


def _threshold(document: dict[str, Any], step: int) -> None:
    document["tiers"][0]["at_least"] = 70 + step


def _industry(document: dict[str, Any], step: int) -> None:
    document["components"][1]["groups"][0]["values"].append(f"Industry {step}")


def _title(document: dict[str, Any], step: int) -> None:
    document["components"][2]["rules"].insert(step % 3, {"needles": [f"founder {step}", "owner"], "points": 22})


def _technology(document: dict[str, Any], step: int) -> None:
    document["components"][3]["needles"].append({"needle": f"tool {step}", "points": 4})


EDITS: dict[str, Callable[[dict[str, Any], int], None]] = {
    "a weight": _weight,
    "a threshold": _threshold,
    "an industry": _industry,
    "a title rule": _title,
    "a technology": _technology,
}


@benchmark("preview", aim="exact effect of an edited scorecard over all leads, warm: ≤ 1 s")
def preview_scorecard(bench: Bench) -> Iterator[Figure]:
    """Warm: this process has served a preview before. Each edit is new to it, as each keystroke is."""
    from django.conf import settings
    from django.db import connection

    from enrichment.documents.scorecard import PUBLISHED, Scorecard
    from enrichment.scoring import preview, snapshot

    settings.SCORING_SNAPSHOT_DIR = bench.place / "scoring"
    live = Scorecard.model_validate(PUBLISHED)
    with bench.leads():
        try:
            snapshot.remove_files()
            first = _seconds(lambda: preview.effect_of_draft(live, live))
            with connection.cursor() as cursor:
                reference = min(_seconds(lambda: cursor.execute(COUNT)) for _ in range(2))
            yield Figure("preview, first of all (file is made)", first, "s")
            for name, edit in EDITS.items():
                times = []
                for step in range(ROUNDS):
                    document = copy.deepcopy(PUBLISHED)
                    edit(document, step)
                    card = Scorecard.model_validate(document)
                    times.append(_seconds(lambda card=card: preview.tier_changes(preview.effect_of_draft(live, card))))
                yield Figure(f"preview, {name}, slowest", max(times), "s", reference=reference, aim=at_most(1.0))
            yield Figure("preview, file", snapshot.describe()["bytes"] / 1e6, "MB")
        finally:
            snapshot.remove_files()


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
