"""Copies of records as JSON, as they wait in the steps until the package is put together."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gdpr import stores
from gdpr.kinds import Action
from gdpr.models import RequestStep, SubjectRequest
from gdpr.states import StepStatus
from gdpr.stores import Copy


def _plain(value: Any) -> Any:
    """Anything a store may hold, as JSON has it."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    return str(value)


def as_json(copy: Copy) -> dict[str, Any]:
    return {
        "data": [
            {
                "field": datum.field,
                "value": _plain(datum.value),
                "source": datum.source,
                "obtained_at": _plain(datum.obtained_at),
            }
            for datum in copy.data
        ],
        "shares": [
            {"recipient": share.recipient, "fields": list(share.fields), "at": _plain(share.at)}
            for share in copy.shares
        ],
        "logic": [_plain(rule) for rule in copy.logic],
        "purposes": list(copy.purposes),
        "retention_until": _plain(copy.retention_until),
        "others": copy.others,
    }


@dataclass(frozen=True)
class Part:
    """What one record of one store holds; `by_hand` where an officer copied it."""

    store: str
    label: str
    copy: Mapping[str, Any]
    by_hand: bool


def parts(request: SubjectRequest) -> Iterator[Part]:
    """Every copy that was taken, in the order of the stores."""
    steps: Any = request.steps.filter(action=Action.EXPORT, status=StepStatus.DONE).order_by("stage", "id")
    step: RequestStep
    for step in steps.select_related("record"):
        if step.result:
            yield Part(step.store, stores.label_of(step.store), step.result, bool(step.evidence))
