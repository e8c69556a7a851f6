import json
import time
import urllib.error
import urllib.request
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from swarm_admin.sample_leads import sample_leads

AT_ONCE = 20


class Command(BaseCommand):
    help = "Create 500 sample leads in the running product through its API, as a scraping agent would."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--api-key", required=True, help="an API key with the scope leads:write")
        parser.add_argument("--count", type=int, default=500)
        parser.add_argument("--over", type=float, default=0.0, help="spread the leads over this many seconds")

    def handle(self, *, api_key: str, count: int, over: float, **options: object) -> None:
        leads = list(sample_leads(count, now=timezone.now()))
        total: Counter[str] = Counter()
        for start in range(0, count, AT_ONCE):
            total += hand_over(leads[start : start + AT_ONCE], api_key)
            if over and start + AT_ONCE < count:
                time.sleep(over * AT_ONCE / count)
        figures = ", ".join(f"{value} {name}" for name, value in total.items()) or "none new"
        self.stdout.write(f"Sample leads: {figures}.")


def hand_over(leads: Sequence[dict[str, Any]], api_key: str) -> Counter[str]:
    """One call of the API; how many it took, by its own words. Raises CommandError."""
    headers = {"Content-Type": "application/json", "X-API-Key": api_key}
    body = json.dumps({"leads": leads}).encode()
    request = urllib.request.Request(f"{settings.BASE_URL}/api/leads", data=body, headers=headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=120) as response:  # noqa: S310 - our own address
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        raise CommandError(f"The API returned {error.code} for the sample leads.") from error
    except urllib.error.URLError as error:
        raise CommandError("Can't reach the API.") from error
    return Counter({name: len(value) if isinstance(value, list) else value for name, value in answer.items()})
