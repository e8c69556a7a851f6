"""The storm itself: leads come in, everything is killed at random, a person resumes what is paused."""

import contextlib
import itertools
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import redis
from django.db import DatabaseError, connections

from enrichment.models import ServiceHold
from enrichment.vendor_pauses import pauses
from swarm_admin import embedded
from swarm_admin.embedded import postgres
from swarm_admin.embedded.redis_server import client as redis_client
from tests.chaos.product import SECRET, Product
from tests.chaos.schedule import Blow, pausing
from tests.plugins.sandbox import Sandbox

AT_ONCE = 25  # leads in one call of the API
DOUBLED = 0.1  # share of the leads that come a second time, spelt otherwise
RESUME_AFTER = 2.0  # seconds a person needs to resume a paused vendor
BETWEEN_PAUSES = 15.0  # seconds; more often, and little would be under way when it is killed


def lead(seed: int, number: int) -> dict[str, Any]:
    """An invented lead, the same for the same seed."""
    return {
        "linkedin_url": f"https://www.linkedin.com/in/storm-{seed}-{number}",
        "source_type": ("competitor_follower", "event_attendee", "post_liker")[number % 3],
        "source_name": f"Source {number % 7}",
        "scraped_at": datetime.now(UTC).isoformat(),
    }


def spelt_otherwise(one: dict[str, Any]) -> dict[str, Any]:
    """The same person as another scraper writes the address."""
    slug = one["linkedin_url"].rsplit("/", 1)[1]
    return {**one, "linkedin_url": f"http://linkedin.com/in/{slug.upper()}/?trk=x"}


def odd_events() -> Iterator[bytes]:
    """News of rows: of nobody, stale, from the future, of no known kind, cut short."""
    number = 0
    while True:
        now = datetime.now(UTC)
        event = {"event": "row.enriched", "row_id": f"row_nobody_{number}", "timestamp": now.isoformat()}
        stale = {**event, "timestamp": (now - timedelta(days=400)).isoformat()}
        ahead = {**event, "timestamp": (now + timedelta(days=30)).isoformat()}
        kinds = [event, stale, ahead, {**event, "event": "row.moved"}, {**event, "timestamp": "soon"}]
        for each in kinds:
            yield json.dumps({**each, "n": number}).encode()
            number += 1
        yield b'{"event": "row.enriched", "row_id": %d' % number
        number += 1


def odd_rows() -> Iterator[bytes]:
    """Whole rows: of a reference or a person of nobody, without either, of the wrong types, cut short."""
    for number in itertools.count():
        url = f"https://www.linkedin.com/in/nobody-{number}"
        kinds: list[Any] = [
            {"swarm_ref": f"nobody-{number}", "linkedin_url": url, "email_work": "a@b.example"},
            {"swarm_ref": "", "linkedin_url": ""},
            {"swarm_ref": number, "linkedin_url": [url], "cost": "much"},
            [{"swarm_ref": f"listed-{number}"}],
        ]
        yield from (
            json.dumps([each, number] if isinstance(each, list) else each | {"n": number}).encode() for each in kinds
        )
        yield b'{"swarm_ref": "cut-%d", "linkedin_url": "htt' % number


class Storm:
    """Everything that happens at once; what was counted is read by the audit."""

    def __init__(
        self, product: Product, sandbox: Sandbox, data_dir: Path, *, seed: int, key: str, connector: str = "rows-api"
    ) -> None:
        self.product, self.sandbox, self.data_dir, self.seed = product, sandbox, data_dir, seed
        self.connector = connector
        self.api = httpx.Client(base_url=product.url, headers={"X-API-Key": key}, timeout=10, trust_env=False)
        self.over = threading.Event()
        self.kills: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()
        self.unanswered = 0
        self.handed_in: set[str] = set()
        self.stored_webhooks: set[bytes] = set()
        self.problems: list[str] = []

    def rage(self, blows: list[Blow], leads: int, seconds: float) -> None:
        """Run all of it for so many seconds."""
        began = time.monotonic()
        tasks = [
            threading.Thread(target=self._guarded, args=(task, *arguments), daemon=True)
            for task, *arguments in (
                (self._hand_in, leads, 0.8 * seconds),
                (self._post_webhooks,),
                (self._resume,),
                (self._pause_vendors, seconds),
            )
        ]
        for task in tasks:
            task.start()
        for blow in blows:
            self.over.wait(max(0.0, began + blow.at - time.monotonic()))
            self._strike(blow)
        self.over.wait(max(0.0, began + seconds - time.monotonic()))
        tasks[0].join()  # every lead is handed in, however long the web process was down
        self.over.set()
        for task in tasks:
            task.join()

    def _guarded(self, task: Any, *arguments: Any) -> None:
        try:
            task(*arguments)
        except Exception as error:
            self.problems.append(f"{getattr(task, '__name__', task)}: {error!r}")
        finally:
            connections.close_all()

    # ------------------------------------------------------------ what comes in

    def _hand_in(self, count: int, over: float) -> None:
        """Leads through the API, each call repeated until it is answered, as a scraping agent does."""
        dice = random.Random(self.seed + 1)
        began = time.monotonic()
        for start in range(0, count, AT_ONCE):
            part = [lead(self.seed, number) for number in range(start, min(start + AT_ONCE, count))]
            part += [spelt_otherwise(one) for one in part if dice.random() < DOUBLED]
            time.sleep(max(0.0, began + over * start / count - time.monotonic()))
            while not self._taken(part):
                time.sleep(0.3)
        self.handed_in |= {lead(self.seed, number)["linkedin_url"] for number in range(count)}

    def _taken(self, part: list[dict[str, Any]]) -> bool:
        try:
            answer = self.api.post("/api/leads", json={"leads": part})
        except httpx.HTTPError:
            self.unanswered += 1
            return False
        if answer.status_code != 202:
            self.unanswered += 1
            return False
        if answer.json()["rejected"]:
            raise RuntimeError(f"refused: {answer.json()['rejected'][:2]}")
        return True

    def _post_webhooks(self) -> None:
        """Malformed, unknown and stale webhooks with the right secret, and good ones with a wrong one."""
        is_table = self.connector == "table"
        path = "/webhooks/clay/row" if is_table else "/webhooks/clay/enrichment-complete"
        for number, body in enumerate(odd_rows() if is_table else odd_events()):
            if self.over.wait(0.4):
                return
            wrong = number % 7 == 6
            headers = {"X-Webhook-Secret": "wrong" if wrong else SECRET}
            with contextlib.suppress(httpx.HTTPError):
                answer = self.api.post(path, content=body, headers=headers)
                if wrong and answer.is_success:
                    raise RuntimeError("a webhook with a wrong secret was taken")
                if answer.is_success:
                    self.stored_webhooks.add(body)

    # ------------------------------------------------------------ people

    def _pause_vendors(self, seconds: float) -> None:
        """Refused keys and used-up quotas, one after the other."""
        chosen = pausing(self.connector)
        chosen = chosen[: max(1, int(seconds / BETWEEN_PAUSES))]
        for vendor, kind in chosen:
            if self.over.wait(seconds / (len(chosen) + 1)):
                return
            with contextlib.suppress(httpx.HTTPError):
                self.sandbox.fault(vendor, kind, times=1)

    def _resume(self) -> None:
        """A person who resumes whatever is paused."""
        while not self.over.wait(RESUME_AFTER):
            resume_all()

    # ------------------------------------------------------------ kills

    def _strike(self, blow: Blow) -> None:
        try:
            hit = getattr(self, f"_kill_{blow.target}", lambda _: self._kill_program(blow))(blow)
        except (OSError, redis.RedisError, psycopg.Error, DatabaseError):
            hit = False
        (self.kills if hit is not False else self.missed)[blow.target] += 1

    def _kill_program(self, blow: Blow) -> bool:
        process = self.product.program(blow.target)
        if process is None:
            return False
        if blow.whole:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            os.kill(process.pid, signal.SIGKILL)
        return True

    def _kill_redis(self, _: Blow) -> None:
        with redis_client(self.data_dir) as connection:
            pid = int(connection.info("server")["process_id"])
        os.kill(pid, signal.SIGKILL)

    def _kill_connections(self, _: Blow) -> None:
        """Every connection to the database is ended."""
        with psycopg.connect(embedded.database_url(self.data_dir), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = %s",
                [postgres.DATABASE],
            )

    def _kill_backend(self, _: Blow) -> None:
        """One PostgreSQL process is killed: the server then ends all connections and recovers."""
        with psycopg.connect(embedded.database_url(self.data_dir), autocommit=True) as connection:
            found = connection.execute("SELECT pg_backend_pid()").fetchone()
            os.kill(int(found[0]), signal.SIGKILL)  # type: ignore[index]

    def _kill_postgres(self, _: Blow) -> bool:
        pid = postgres.running_pid(self.data_dir)
        if pid is None:
            return False
        os.kill(pid, signal.SIGKILL)
        return True


def resume_all() -> None:
    """Every paused vendor goes on; a database that is down at this moment is asked again later."""
    try:
        for hold in ServiceHold.objects.filter(lifted_at__isnull=True):
            pauses.end_pause(hold, reason="storm")
    except DatabaseError:
        connections.close_all()
