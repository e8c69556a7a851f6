"""A person found in the mirror, as a subject request asks for it, beside the look-up of one row by its key."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tests.bench.bench import Bench
from tests.bench.load import percentile
from tests.bench.registry import Figure, at_least, at_most, benchmark

PEOPLE = 100


@benchmark("locate", aim="≤ 20 ms each by e-mail, phone or URL")
def locate(bench: Bench) -> Iterator[Figure]:
    from enrichment.models import Lead
    from gdpr import stores
    from gdpr.identity import Identity

    mirror = stores.get_store("mirror")
    ways: dict[str, Callable[[Lead], Identity]] = {
        "e-mail": lambda lead: Identity(emails=(lead.email_work,)),
        "phone": lambda lead: Identity(phone=lead.phone),
        "URL": lambda lead: Identity(linkedin_url=lead.linkedin_url),
    }
    with bench.leads():
        some = _some(bench.size)
        by_key = _times(some, lambda lead: Lead.objects.get(pk=lead.pk))[0]
        for name, way in ways.items():
            times, answers = _times(some, lambda lead, way=way: mirror.locate(way(lead)))
            found = sum(
                f"lead:{lead.pk}" in {record.key for record in records}
                for lead, records in zip(some, answers, strict=True)
            )
            yield Figure(
                f"locate by {name}, p95",
                percentile(times, 0.95),
                "ms",
                reference=percentile(by_key, 0.95),
                aim=at_most(20.0),
            )
            yield Figure(f"locate by {name}, found", 100 * found / len(some), "%", aim=at_least(100.0))


def _some(size: int) -> list[Any]:
    """People with an e-mail and a phone, from all over the table."""
    from enrichment.models import Lead

    chance = random.Random(1)
    known = Lead.objects.exclude(email_work="").exclude(phone="")
    picked = known.filter(pk__in=chance.sample(range(1, size + 1), min(3 * PEOPLE, size)))
    return list(picked.order_by("pk")[:PEOPLE])


def _times(some: Sequence[Any], ask: Callable[[Any], Any]) -> tuple[list[float], list[Any]]:
    """ms of each question, and the answers; the first is asked twice, for what it sets up."""
    ask(some[0])
    times, answers = [], []
    for lead in some:
        started = time.perf_counter()
        answers.append(ask(lead))
        times.append((time.perf_counter() - started) * 1000)
    return times, answers
