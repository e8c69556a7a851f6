from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.plugins.sandbox import Receiver, Sandbox, wait_for

Submit = Callable[..., httpx.Response]
SECRET = {"X-Webhook-Secret": "s3cret"}


@pytest.fixture
def submit(sandbox: Sandbox) -> Submit:
    """Submits a row to the source `leads` of the table `t_leads`."""
    sandbox.control("PUT", "sources/leads", token="t0ken")

    def post(row: Any, slug: str = "leads", **headers: str) -> httpx.Response:
        given = {"x-clay-webhook-auth": "t0ken"} | headers
        return sandbox.http.post(f"/clay/v3/sources/webhook/{slug}", json=row, headers=given)

    return post


@pytest.fixture
def called_back(sandbox: Sandbox, webhook_receiver: Receiver, submit: Submit) -> Callable[..., list[dict[str, Any]]]:
    """Submits rows, waits until all is quiet, and gives the bodies of the callbacks."""

    def run(*rows: dict[str, Any], **settings: Any) -> list[dict[str, Any]]:
        callback = {"url": webhook_receiver.url, "headers": SECRET, **settings.pop("callback", {})}
        sandbox.control("PUT", "tables/t_leads", callback=callback, **settings)
        for row in rows:
            assert submit(row).status_code == 200
        wait_for(lambda: is_quiet(sandbox))
        return [body for _, body in webhook_receiver.deliveries]

    return run


def is_quiet(sandbox: Sandbox) -> bool:
    """Nothing runs, and every delivery that left has ended."""
    figures = sandbox.stats()["clay_table"]
    ended = figures["deliveries"]["acknowledged"] + figures["deliveries"].get("given_up", 0)
    started = figures["callbacks"] + figures["deliveries"].get("doubled", 0)
    return figures["running"] == 0 and ended >= started


def person(number: int, **more: Any) -> dict[str, Any]:
    """A row to submit."""
    return {"linkedin_url": f"https://www.linkedin.com/in/lead-{number}", "swarm_ref": f"ref-{number}", **more}


def cells(sandbox: Sandbox, number: int = 0) -> dict[str, Any]:
    """The cells of a row, oldest first."""
    return sandbox.state("clay_table")["tables"]["t_leads"]["rows"][number]["cells"]
