"""What recipients did with a person's data and kept no record of: told in the package and the certificate.

Noted by the searches, while it can still be found out; their steps keep it, and it names nobody.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from gdpr.identity import Identity
from gdpr.kinds import Action
from gdpr.stores import PersonalDataStore, Statement, StatesProcessing

if TYPE_CHECKING:
    from gdpr.models import SubjectRequest  # its steps are asked through it: whoever calls has it

KEY = "statements"  # of a step's result


def of_store(store: PersonalDataStore, request: SubjectRequest) -> dict[str, Any]:
    """What the store states now, as a step's result keeps it; {} where it states nothing."""
    identity: Identity = request.identity
    stated = store.statements(identity) if isinstance(store, StatesProcessing) else ()
    return {KEY: [_as_json(each) for each in stated]} if stated else {}


def of_request(request: SubjectRequest) -> list[tuple[str, Statement]]:
    """(store, statement) of everything the searches for this request noted, each once, the newest of a store's."""
    looked = (
        request.steps.filter(action__in=[Action.LOCATE, Action.RECHECK]).exclude(result=None).order_by("stage", "id")
    )
    by_store: dict[str, list[Statement]] = {}
    for name, result in looked.values_list("store", "result"):
        if isinstance(result, Mapping) and result.get(KEY):
            by_store[name] = [_from_json(each) for each in result[KEY]]
    return [(name, each) for name, stated in by_store.items() for each in stated]


def sentences(request: SubjectRequest) -> list[str]:
    return [each.says for _, each in of_request(request)]


def still_kept(request: SubjectRequest) -> list[str]:
    """Of those whose recipient may still show them in its own history."""
    now = timezone.now()
    return [each.says for _, each in of_request(request) if each.kept_until and each.kept_until > now]


def only_these(result: Any) -> dict[str, Any] | None:
    """Of a step's result what may be kept for good; None where that is nothing."""
    return {KEY: result[KEY]} if isinstance(result, Mapping) and result.get(KEY) else None


def _as_json(statement: Statement) -> dict[str, Any]:
    return {"says": statement.says, "kept_until": statement.kept_until and statement.kept_until.isoformat()}


def _from_json(kept: Mapping[str, Any]) -> Statement:
    until = kept["kept_until"]
    return Statement(kept["says"], datetime.datetime.fromisoformat(until) if until else None)
