"""Stored leads, requests and live suppressions brought to the one key of each address, beside a process that works."""

import importlib
import threading
import time
from collections.abc import Iterator
from typing import Any

from tests.bench.bench import Bench
from tests.bench.registry import Figure, at_most, benchmark

LONGEST_WAIT = 1.0  # seconds a worker may stand behind the migration: far less than a lease
STEPS = ("enrichment.migrations.0023_canonical_identifiers", "gdpr.migrations.0011_why_a_record_is_removed")
SHARES = {"leads": 10, "suppressions": 100, "requests": 100}  # of so many leads one is spelt otherwise, …
# As releases stored it that compared addresses as they were spelt.
SPELL = "UPDATE enrichment_lead SET email_work = 'p' || id || '@müller.de' WHERE id %% %s = 0"
REQUESTS = """
INSERT INTO gdpr_subjectrequest (kind, status, channel, regime, calendar, received_at, opened_at, name, contact_email,
    text, linkedin_url, emails, phone, identity_hashes, values, due_on, clock_waits, extension_reason, plan_hash,
    plan_changed, approved_hash, prepared_by, refusal_ground, refusal_reason, withdrawal_reason)
SELECT 'objection', 'completed', 'form', 'eu', 'DE', now(), now(), '', '', '', '', ARRAY[address], '', ARRAY[hash],
    '{}', current_date, FALSE, '', '', FALSE, '', '{}', '', '', ''
FROM unnest(%s::text[], %s::text[]) AS given (address, hash)
"""
SUPPRESSIONS = """
INSERT INTO gdpr_suppression (identifier_hash, key_id, reason, created_at, blocked_count)
SELECT hash, %s, 'objection', now(), 0 FROM unnest(%s::text[]) AS given (hash)
"""


@benchmark(
    "canonical_keys",
    aim=f"every stored row under one key; no worker waits longer than {LONGEST_WAIT:g} s behind it",
)
def canonical_keys(bench: Bench) -> Iterator[Figure]:
    with bench.leads_copy():
        spelt, listed = _as_before(bench.size)
        with Worker() as worker:
            started = time.perf_counter()
            for name in STEPS:
                _run(name)
            taken = time.perf_counter() - started
        left, added = _left()
    note = f"{bench.size:,} leads, {spelt:,} spelt otherwise; {added:,} of {listed:,} suppressions added; {left:,} left"
    yield Figure("canonical keys, whole migration", taken, "s", aim=None, note=note)
    yield Figure("canonical keys, rows not brought over", left + listed - added, "", aim=at_most(0))
    aim = at_most(LONGEST_WAIT)
    note = f"{worker.done:,} changes meanwhile, {worker.failed:,} failed"
    yield Figure("canonical keys, longest wait of a worker", worker.longest, "s", aim=aim, note=note)


def _as_before(size: int) -> tuple[int, int]:
    """(leads spelt otherwise, live suppressions under such a spelling)."""
    from django.db import connection

    from gdpr.identity import digest, keys

    key_id, key = keys()[0]
    with connection.cursor() as cursor:
        cursor.execute(SPELL, [SHARES["leads"]])
        spelt = int(cursor.rowcount)
        cursor.execute(
            "SELECT email_work FROM enrichment_lead WHERE id %% %s = 0 ORDER BY id", [SHARES["suppressions"]]
        )
        of_leads = [address for (address,) in cursor.fetchall() if "müller" in address]
        asked = [f"asked-{number}@müller.de" for number in range(size // SHARES["requests"])]
        hashes = {address: digest(f"email:{address}", key) for address in [*of_leads, *asked]}
        cursor.execute(REQUESTS, [asked, [hashes[address] for address in asked]])
        cursor.execute(SUPPRESSIONS, [key_id, list(hashes.values())])
        cursor.execute("ANALYZE")
    return spelt, len(hashes)


def _run(name: str) -> None:
    from django.db import connection

    step = importlib.import_module(name).bring_over
    after: Any = 0
    while after is not None:
        with connection.cursor() as cursor:
            after = step(cursor, after)


def _left() -> tuple[int, int]:
    """(leads and requests still under a spelling, suppressions under a key)."""
    from django.db import connection

    from gdpr.identity import digest, keys
    from gdpr.models import SubjectRequest, Suppression

    first = keys()[0][1]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM enrichment_lead WHERE email_work LIKE '%müller.de'")
        leads = int(cursor.fetchone()[0])
        cursor.execute("SELECT email_work FROM enrichment_lead WHERE email_work LIKE '%@xn--mller-kva.de'")
        keyed = {digest(f"email:{address}", first) for (address,) in cursor.fetchall()}
    requests = 0
    for request in SubjectRequest.objects.only("emails", "identity_hashes", "linkedin_url", "phone"):
        wanted = {digest(each, first) for each in request.identity.identifiers()}
        keyed |= wanted
        requests += not wanted <= set(request.identity_hashes)
    return leads + requests, Suppression.objects.filter(identifier_hash__in=keyed).count()


class Worker:
    """Changes one lead after the other in a transaction of its own, as a tick does; `longest` wait in seconds."""

    def __enter__(self) -> "Worker":
        self.longest, self.done, self.failed = 0.0, 0, 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        from django.db import DatabaseError, connection

        from enrichment.models import Lead

        ids = list(Lead.objects.order_by("pk").values_list("pk", flat=True)[:50_000:7])
        while not self._over.is_set():
            for pk in ids:
                started = time.perf_counter()
                try:
                    Lead.objects.filter(pk=pk).update(dispatch_priority=1)
                    self.done += 1
                except DatabaseError:
                    self.failed += 1
                self.longest = max(self.longest, time.perf_counter() - started)
                if self._over.wait(0.005):
                    break
        connection.close()
