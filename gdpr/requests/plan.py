"""The frozen plan of a request: its hash, what it means per record, and the steps it becomes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils import timezone

from gdpr import stores
from gdpr.identity import Identity, digest, keys
from gdpr.kinds import Action, RequestKind
from gdpr.models import Decision, FoundRecord, LegalHold, RequestStep, SubjectRequest
from gdpr.states import StepStatus
from gdpr.stores import Capability, Record
from swarm_admin.core.identifiers.emails import key as email_key

# What lies in a lower stage is over, or a person's, before the next begins.
SUPPRESSED, LOOKED, OUTSIDE, OURS, SCANNED, TOLD, PACKED, ANSWERED = (
    10,
    50,
    100,
    200,
    8000,
    9000,
    9100,
    9200,
)
SEARCHES = AT_ONCE = 1  # an objection waits for no search
NEEDED_CAPABILITY: dict[str, Capability] = {
    Action.LOCATE: Capability.LOCATE,
    Action.RECHECK: Capability.LOCATE,
    Action.EXPORT: Capability.EXPORT,
    Action.RECTIFY: Capability.RECTIFY,
    Action.ERASE: Capability.ERASE,
    Action.VERIFY: Capability.VERIFY,
    Action.RESTRICT: Capability.RESTRICT,
    Action.RELEASE: Capability.RELEASE,
}


@dataclass(frozen=True)
class PlanLine:
    """What becomes of one record: `actions` in order, `by_hand` those of them its store has no call for."""

    record: FoundRecord
    label: str
    actions: tuple[Action, ...]
    by_hand: tuple[Action, ...]
    hold: LegalHold | None
    recoverable_days: int
    withheld: bool  # by a hold, live or not: what was forgotten cannot be asked about any more


def included(request: SubjectRequest) -> list[FoundRecord]:
    """Records the plan is about, in the order in which their stores are worked through."""
    order = {store.name: place for place, store in enumerate(stores.registered())}
    chosen = request.records.filter(decision=Decision.INCLUDED)
    return sorted(chosen, key=lambda record: (order.get(record.store, len(order)), record.pk))


def plan_hash(request: SubjectRequest) -> str:
    """A keyed hash of kind, values, records and their fingerprints: an approval is for this and nothing else."""
    document = {
        "kind": request.kind,
        "values": request.values,
        "records": sorted([each.store, each.key, each.fingerprint] for each in included(request)),
    }
    text = json.dumps(document, sort_keys=True, ensure_ascii=True)
    return digest(f"plan:{text}", keys()[0][1])


def lines(request: SubjectRequest) -> list[PlanLine]:
    """The plan as people read it before they approve it."""
    records = included(request)
    kept = LegalHold.objects.of_records(records) if request.kind == RequestKind.ERASURE else {}
    left = set(request.steps.filter(status=StepStatus.WITHHELD).values_list("record", flat=True))
    return [_line(request, record, kept.get(record.pk), record.pk in left) for record in records]


def _line(request: SubjectRequest, record: FoundRecord, hold: LegalHold | None, withheld: bool) -> PlanLine:
    store = stores.find_store(record.store)
    can = stores.capabilities_for(store, as_record(record)) if store else frozenset()
    actions = request.rules.actions
    return PlanLine(
        record,
        store.label if store else record.store,
        actions,
        tuple(act for act in actions if NEEDED_CAPABILITY[act] not in can),
        hold,
        store.recoverable_days if store else 0,
        withheld or hold is not None,
    )


def identities(request: SubjectRequest) -> list[Identity]:
    """The person's identifiers: those asked for and those of the records found.

    Without what an officer said is somebody else's: what led to their record, such as a switchboard, and what
    their record holds. Else a colleague would be suppressed with the person.
    """
    others = list(request.records.filter(decision=Decision.EXCLUDED))
    led = {kind for record in others for kind in record.matched}
    emails = {email for record in others for email in record.identity.emails}
    # A record's own identity leaves out what several people share; what tells two apart shows it.
    emails |= {email_key(value) for record in others for value in record.summary.values() if "@" in value}
    urls = {record.identity.linkedin_url for record in others}
    phones = {record.identity.phone for record in others}
    asked = request.identity
    phones |= {asked.phone} if "phone" in led else set()
    own = [
        Identity(
            "" if each.linkedin_url in urls else each.linkedin_url,
            tuple(email for email in each.emails if email not in emails),
            "" if each.phone in phones else each.phone,
        )
        for each in (asked, *(record.identity for record in included(request)))
    ]
    return [identity for identity in own if identity.identifiers()]


# ---------------------------------------------------------------- steps


def make_steps(request: SubjectRequest, *, final: bool = True) -> None:
    """Every step of the plan, each once; safe to run again when the plan has grown.

    `final` is False while searches are still open: then only what is done to records is planned.
    """
    records = included(request)
    kept = LegalHold.objects.of_records(records) if request.kind == RequestKind.ERASURE else {}
    first = _preparing_steps(request, records)
    for record in records:
        _record_steps(request, record, kept.get(record.pk), first)
    if final:
        _finishing_steps(request, records)


def _step(request: SubjectRequest, action: Action, **values: object) -> RequestStep:
    key = {"store": values.pop("store", ""), "record": values.pop("record", None)}
    step, _ = RequestStep.objects.get_or_create(request=request, action=action, **key, defaults=values)
    return step


def _preparing_steps(request: SubjectRequest, records: Iterable[FoundRecord]) -> dict[str, RequestStep]:
    """What comes before any record is touched; {store: its look whether anything changed}."""
    if request.rules.suppresses:
        _step(request, Action.SUPPRESS, stage=AT_ONCE if request.rules.fast else SUPPRESSED)
    if request.kind == RequestKind.RELEASE:
        _step(request, Action.FOREWARN, stage=SUPPRESSED)
    if not request.rules.approval:
        return {}
    looks = {}
    for store in stores.registered():
        if Capability.LOCATE in store.capabilities():
            stage = OUTSIDE if store.is_recipient else LOOKED
            looks[store.name] = _step(request, Action.RECHECK, store=store.name, stage=stage)
    return looks


def _record_steps(
    request: SubjectRequest, record: FoundRecord, hold: LegalHold | None, looks: dict[str, RequestStep]
) -> None:
    after = looks.get(record.store)
    for action in request.rules.actions:
        after = _step(
            request,
            action,
            store=record.store,
            record=record,
            stage=_stage(request, record.store),
            waits_for_stage=SUPPRESSED + 1 if request.kind in (RequestKind.ERASURE, RequestKind.RELEASE) else 0,
            after=after,
            **_withheld_reason(hold),
        )


def _stage(request: SubjectRequest, name: str) -> int:
    """External systems wait for none; our own tables, which lead to them, go last. Only erasure has that order."""
    if request.rules.fast:
        return AT_ONCE
    store = stores.find_store(name)
    if store is None or store.is_recipient or request.kind != RequestKind.ERASURE:
        return OUTSIDE
    return OURS + store.order


def _withheld_reason(hold: LegalHold | None) -> dict[str, object]:
    if hold is None:
        return {}
    return {
        "status": StepStatus.WITHHELD,
        "done_at": timezone.now(),
        "proof": f"Kept under legal hold {hold.pk}.",
    }


def _finishing_steps(request: SubjectRequest, records: list[FoundRecord]) -> None:
    if request.kind == RequestKind.WITHDRAWAL:
        _step(request, Action.END, stage=OUTSIDE)
    if request.rules.notifies:
        for recipient in recipients(request, records):
            _step(request, Action.NOTIFY, store=recipient, stage=TOLD, waits_for_stage=TOLD)
    if request.kind == RequestKind.ERASURE:
        _step(request, Action.SCAN, stage=SCANNED, waits_for_stage=SCANNED)
    if request.kind == RequestKind.ACCESS:
        _step(request, Action.PACKAGE, stage=PACKED, waits_for_stage=PACKED)
    _step(request, Action.ANSWER, stage=ANSWERED, waits_for_stage=ANSWERED)


def recipients(request: SubjectRequest, records: Iterable[FoundRecord]) -> list[str]:
    """Whom the data went to: the systems outside that hold a record, and all that the disclosures name.

    A system that is a store of ours is named by its slug, another by the name in the ledger.
    """
    outside = {store.name: store for store in stores.registered() if store.is_recipient}
    by_name = {word.casefold(): store.name for store in outside.values() for word in (store.name, store.label)}
    found = {record.store for record in records if record.store in outside}
    wanted = {record.key_hash for record in records}
    looked = request.steps.filter(action__in=[Action.LOCATE, Action.RECHECK]).exclude(result=None)
    for result in looked.values_list("result", flat=True):
        for key_hash, names in (result or {}).get("recipients", {}).items():
            if key_hash in wanted:
                found |= {by_name.get(name.casefold(), name[:32]) for name in names}
    return sorted(found)


def as_record(found: FoundRecord) -> Record:
    """A found record as its store knows it."""
    return Record(
        found.store,
        found.key,
        tuple(found.matched),
        found.sure,
        dict(found.summary),
        found.fingerprint,
        found.identity,
        found.references,
    )
