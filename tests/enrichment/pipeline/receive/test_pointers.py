"""What a pointer says, and the verdict on it by the runs that are known."""

import datetime
import json

import pytest
from django.utils import timezone

from enrichment.models import Batch, ClayRun
from enrichment.pipeline.receive import pointers
from enrichment.pipeline.receive.pointers import Malformed, Pointer
from enrichment.states import BatchStatus, RunStatus

RECEIVED = datetime.datetime(2026, 12, 1, 9, tzinfo=datetime.UTC)


def body(data, **more):
    return json.dumps({"webhookId": "hook_1", "data": data, **more}).encode()


def test_a_pointer_names_its_run_and_its_time():
    read = pointers.read(body({"routine_run_id": " run_1 "}, createdAt="2026-11-30T08:00:00Z"), RECEIVED)
    assert read == Pointer("run_1", datetime.datetime(2026, 11, 30, 8, tzinfo=datetime.UTC))


@pytest.mark.parametrize("told", [{}, {"createdAt": "yesterday"}])
def test_without_a_readable_time_it_is_of_when_it_came(told):
    assert pointers.read(body({"routine_run_id": "run_1"}, **told), RECEIVED).at == RECEIVED


def test_empty_data_is_a_test_event():
    assert pointers.read(body({}), RECEIVED).run_id == ""


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b'"text"',
        b"[" * 5_000,
        b"{}",
        b'{"data": null}',
        body({"routine_run_id": 7}),
        body({"routine_run_id": ""}),
        body({"run": "run_1"}),
        body({"routine_run_id": "r" * 101}),
        body({"routine_run_id": "run\x00"}),
    ],
)
def test_what_is_no_pointer_is_malformed(raw):
    with pytest.raises(Malformed):
        pointers.read(raw, RECEIVED)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (RunStatus.PLANNED, "accepted"),
        (RunStatus.IN_FLIGHT, "accepted"),
        (RunStatus.FAILED, "accepted"),
        (RunStatus.DONE, "duplicate"),
    ],
)
def test_a_known_run_is_read_once(status, verdict):
    ClayRun.objects.create(run_id="run_1", items=1, status=status)
    pointer = Pointer("run_1", RECEIVED)
    assert pointers.judge(pointer, pointers.known_runs([pointer])) == verdict


@pytest.mark.django_db
def test_an_unknown_run_is_nobody_s_unless_one_is_missing_or_a_call_is_under_way():
    pointer = Pointer("run_x", RECEIVED)
    assert pointers.judge(pointer, {}) == "unknown_row"
    batch = Batch.objects.create(kind="submit", status=BatchStatus.IN_FLIGHT, in_flight_since=timezone.now())
    assert pointers.judge(pointer, {}) == ""
    ClayRun.objects.create(items=1, status=RunStatus.UNKNOWN, batch=batch)
    assert pointers.judge(pointer, {}) == "accepted"
    assert pointers.judge(Pointer("", RECEIVED), {}) == "test"
