from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.plugins.sandbox import KEYS, Sandbox, wait_for

ROUTINE = "function:t_people"
Run = Callable[..., httpx.Response]


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """A client of the public API, of a workspace with one routine."""
    sandbox.control("PUT", f"routines/{ROUTINE}")
    headers = {"clay-api-key": KEYS["clay_api_key"]}
    base = f"{sandbox.url}/clay/public/v0"
    with httpx.Client(base_url=base, headers=headers, timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture
def run(api: httpx.Client) -> Run:
    """Starts a run over items."""

    def start(items: list[dict[str, Any]], routine: str = ROUTINE, **more: Any) -> httpx.Response:
        return api.post(f"/routines/{routine}/run", json={"items": items, **more})

    return start


@pytest.fixture
def results(api: httpx.Client, run: Run) -> Callable[..., dict[str, Any]]:
    """The answer of a run that has ended, whatever its word is."""

    def ended(items: list[dict[str, Any]], **query: Any) -> dict[str, Any]:
        started = run(items)
        assert started.status_code == 202, started.text
        path = f"/routines/run/{started.json()['routine_run_id']}/results"
        return wait_for(lambda: (answer := api.get(path, params=query)).status_code == 200 and answer.json())

    return ended


def item(number: int, **inputs: Any) -> dict[str, Any]:
    """An item of a run."""
    usual = {
        "full_name": f"Ann Example{number}",
        "company_name": "Example Labs",
        "linkedin_url": f"https://www.linkedin.com/in/lead-{number}",
    }
    return {"id": f"item-{number}", "inputs": usual | inputs}
