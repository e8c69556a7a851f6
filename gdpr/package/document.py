"""The package as one document: Art. 15(1)(a) to (h), then the data themselves, record by record."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils import timezone

from gdpr import rectifiable, stores
from gdpr.kinds import Action
from gdpr.models import RequestStep, SubjectRequest
from gdpr.package import statements
from gdpr.states import StepStatus
from gdpr.stores import Copy

LEGAL_BASIS = "Legitimate interest (Art. 6(1)(f))"
ITEMS = (
    ("a", "Purposes and legal basis"),
    ("b", "Categories of data"),
    ("c", "Recipients"),
    ("d", "How long we keep the data"),
    ("e", "Your rights"),
    ("f", "Complaint"),
    ("g", "Sources"),
    ("h", "Automated scoring and its logic"),
)


def compose(request: SubjectRequest, *, now: datetime.datetime | None = None) -> dict[str, Any]:
    """Everything the package says, JSON-serialisable; the forms it is given in differ in nothing but looks."""
    found = list(parts(request))
    authority = request.regime_rules.authority or settings.COMPLAINT_AUTHORITY
    return {
        "about": {
            "reference": request.reference,
            "name": request.name,
            "made_at": _stamp(now or timezone.now()),
            "controller": settings.CONTROLLER_NAME,
            "contact": settings.CONTROLLER_CONTACT,
            "linkedin_url": request.linkedin_url,
            "emails": list(request.emails),
            "phone": request.phone,
        },
        "a": {
            "purposes": _distinct(found, "purposes"),
            "legal_basis": LEGAL_BASIS if request.regime_rules.legal_basis else "",
        },
        "b": _categories(found),
        "c": _recipients(found),
        "statements": statements.sentences(request),
        "d": _retention(found),
        "e": list(request.regime_rules.rights),
        "f": f"You can lodge a complaint with a supervisory authority, in particular {authority}.",
        "g": _sources(found),
        "h": _logic(found),
        "records": [_record(part) for part in found],
        "left_out": sum(int(part.copy.get("others") or 0) for part in found),
    }


def _stamp(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _distinct(found: Iterable[Part], name: str) -> list[str]:
    return list(dict.fromkeys(each for part in found for each in part.copy.get(name, ())))


def _data(part: Part) -> list[Mapping[str, Any]]:
    return [datum for datum in part.copy.get("data", ()) if datum.get("value") not in (None, "", [], {})]


def _categories(found: Iterable[Part]) -> list[str]:
    """The fields that hold something, by the names people read."""
    return list(dict.fromkeys(rectifiable.label(datum["field"]) for part in found for datum in _data(part)))


def _recipients(found: Iterable[Part]) -> list[dict[str, Any]]:
    """By name: which fields, how often, when last."""
    recipients: dict[str, dict[str, Any]] = {}
    for part in found:
        for share in part.copy.get("shares", ()):
            entry = recipients.setdefault(
                share["recipient"], {"recipient": share["recipient"], "fields": [], "times": 0, "last": ""}
            )
            entry["fields"] = sorted({*entry["fields"], *map(rectifiable.label, share["fields"])})
            entry["times"] += 1
            entry["last"] = max(entry["last"], share["at"] or "")
    return sorted(recipients.values(), key=lambda entry: entry["recipient"])


def _retention(found: Iterable[Part]) -> list[dict[str, Any]]:
    return [
        {"where": part.label, "until": part.copy["retention_until"]}
        for part in found
        if part.copy.get("retention_until")
    ]


def _sources(found: Iterable[Part]) -> list[dict[str, Any]]:
    """{source, fields} of everything not obtained from the person."""
    by_source: dict[str, set[str]] = {}
    for part in found:
        for datum in _data(part):
            if datum.get("source"):
                by_source.setdefault(datum["source"], set()).add(rectifiable.label(datum["field"]))
    return [{"source": source, "fields": sorted(fields)} for source, fields in sorted(by_source.items())]


def _logic(found: Iterable[Part]) -> dict[str, Any]:
    rules = [rule for part in found for rule in part.copy.get("logic", ())]
    if not rules:
        return {"says": "We hold no score about you.", "rules": []}
    says = (
        "A score shows how well a person's role and company fit our offer. It decides whom we contact first. No "
        "decision with legal or similarly significant effect is based on it alone. These rules gave you "
        "points."
    )
    return {"says": says, "rules": rules}


def _record(part: Part) -> dict[str, Any]:
    return {
        "where": part.label,
        "copied_by_hand": part.by_hand,
        "data": [{**datum, "label": rectifiable.label(datum["field"])} for datum in _data(part)],
        "others": part.copy.get("others", 0),
    }


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
