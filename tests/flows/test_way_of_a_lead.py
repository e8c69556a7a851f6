"""How much of the product has to be read to follow one lead: the files whose code runs on its whole way."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from django.test import Client

from enrichment import api, urls  # noqa: F401 - loaded before it is looked what runs
from enrichment.connections.setup import WEBHOOK_PATH
from enrichment.models import Lead
from enrichment.states import DELIVERED
from swarm_admin.access.models import ApiKey, Scope
from tests.factories import lead_row
from tests.plugins.pipeline import SECRET, Pipeline

ROOM = Path(api.__file__).parent
FILES_ON_THE_WAY = 77  # 28 of them the vendors', 3 models; it may only become smaller, 40 is the aim
STAGES_TO_THE_DELIVERY = 8  # of the pipeline: what is told back to Clay and looked after comes later
PARTS_OF_A_MODULE = ("<module>", "<lambda>")


@contextmanager
def files_that_run(found: set[str]) -> Iterator[None]:
    """The files of `enrichment` in which a function is called meanwhile, in whatever thread."""

    def note(frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(f"{ROOM}/") and code.co_name not in PARTS_OF_A_MODULE:
            found.add(str(Path(code.co_filename).relative_to(ROOM)))

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


@pytest.fixture
def through_the_door(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """The pipeline whose webhooks come in by the address that Clay posts to."""
    taken = 0

    def collect() -> None:
        nonlocal taken
        new = pipeline.receiver.bodies[taken:]
        taken += len(new)
        for body in new:
            headers = {"X-Webhook-Secret": SECRET}
            answer = Client().post(WEBHOOK_PATH, body, content_type="application/json", headers=headers)
            assert answer.json() == {"status": "stored"}

    monkeypatch.setattr(pipeline, "collect_webhooks", collect)
    to_the_delivery = pipeline.stages()[:STAGES_TO_THE_DELIVERY]
    monkeypatch.setattr(pipeline, "stages", lambda: to_the_delivery)
    return pipeline


def test_one_leads_whole_way_runs_through_few_files(through_the_door: Pipeline) -> None:
    found: set[str] = set()
    key = ApiKey.issue(name="Hunter Agent", scopes=list(Scope.values), by=None)[1]
    with files_that_run(found):
        answer = Client().post("/api/leads", lead_row(), content_type="application/json", headers={"X-API-Key": key})
        assert answer.status_code == 202, answer.content
        through_the_door.stages_until(lambda: Lead.objects.exclude(instantly_lead_id="").exists())
    lead = Lead.objects.get()
    assert lead.enrichment_status in DELIVERED
    assert lead.ghl_contact_id
    assert lead.instantly_lead_id
    assert len(found) <= FILES_ON_THE_WAY, sorted(found)
