"""What each step does: a store's call, or our own tables. No transaction is open while a store is called."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any

from django.utils import timezone

from gdpr import stores
from gdpr.kinds import Action, RequestKind
from gdpr.models import RequestStep, SubjectRequest
from gdpr.package import document, statements
from gdpr.requests import plan, withdrawal
from gdpr.requests.pipeline import leftover_step, report
from gdpr.requests.pipeline.locate import mark_plan_changed, matches_plan, save_records, search
from gdpr.requests.pipeline.step_outcomes import ManualStepNeeded, Outcome, RecordStillThere
from gdpr.states import OPEN, OVER, StepStatus
from gdpr.stores import Capability, Ground, PersonalDataStore, Record, RetryLater, Unsupported
from gdpr.suppression import gate
from swarm_admin.core import timing, work
from swarm_admin.core.errors import is_allowed

READ_BACK_SECONDS = 30.0  # another system's search may lag behind what it erased
RENEWED_AFTER = datetime.timedelta(seconds=5)


def run_step(step: RequestStep) -> Outcome:
    """Raises RetryLater, Unsupported, ManualStepNeeded, RecordStillThere; anything else is a fault."""
    needed = plan.NEEDED_CAPABILITY.get(step.action)
    if needed is None:
        return INTERNAL_HANDLERS[step.action](step)
    store = stores.get_store(step.store)
    if needed not in stores.capabilities_for(store, plan.as_record(step.record) if step.record else None):
        raise Unsupported(needed)
    return STORE_HANDLERS[step.action](step, store)


# ---------------------------------------------------------------- at a store


def _stored_record(step: RequestStep) -> Record:
    if step.record is None:
        raise ValueError("a step at a store without its record")
    return plan.as_record(step.record)


def _locate(step: RequestStep, store: PersonalDataStore) -> Outcome:
    found = search(store, step.request)

    def on_recorded(request: SubjectRequest, done: RequestStep) -> None:
        now = {stores.key_hash(store.name, record.key) for record in found.records}
        save_records(request, store.name, found.records)
        # A search that is repeated: what it does not find any more is in no plan.
        gone = request.records.filter(store=store.name, by_hand=False, steps=None).exclude(key_hash__in=now)
        gone.delete()

    outcome = Outcome(f"{len(found.records)} found", found.kept, on_recorded)
    if found.by_hand:
        instructions = store.instructions(Capability.LOCATE, Record(store.name, "", identity=step.request.identity))
        raise ManualStepNeeded(instructions, outcome)
    return outcome


def _recheck(step: RequestStep, store: PersonalDataStore) -> Outcome:
    """What only a person can look for is not looked for again: what they found is in the plan."""
    found = search(store, step.request)
    if matches_plan(step.request, store.name, found.records):
        return Outcome("As planned", found.kept)
    records = found.records
    return Outcome(
        "Changed", None, lambda request, done: mark_plan_changed(request, store.name, records), due_again=True
    )


def _export(step: RequestStep, store: PersonalDataStore) -> Outcome:
    return Outcome("Copied", document.as_json(store.export(_stored_record(step))))


def _rectify(step: RequestStep, store: PersonalDataStore) -> Outcome:
    """What stood there before is kept from the first try: a second one would only see the new values."""
    values: Mapping[str, str] = step.request.values
    if step.result is None and Capability.EXPORT in store.capabilities():
        before = {
            datum.field: str(datum.value)
            for datum in store.export(_stored_record(step)).data
            if datum.field in values and datum.value is not None
        }
        RequestStep.objects.filter(pk=step.pk, status=StepStatus.IN_FLIGHT).update(result={"before": before})
        step.result = {"before": before}
    replaced = {name: str(value) for name, value in store.rectify(_stored_record(step), dict(values)).items()}
    known = (step.result or {}).get("before", {})
    fields = ", ".join(sorted(values))
    return Outcome(f"Corrected: {fields}", {"before": {**replaced, **known}, "after": dict(values)})


def _erase(step: RequestStep, store: PersonalDataStore) -> Outcome:
    suppressed = step.request.steps.filter(action=Action.SUPPRESS, status=StepStatus.DONE).exists()
    if not suppressed:
        raise ValueError("nothing is erased before it is suppressed")
    store.erase(_stored_record(step))
    lag = timing.due_in(READ_BACK_SECONDS) if store.is_recipient else timezone.now()

    def on_recorded(request: SubjectRequest, done: RequestStep) -> None:
        request.steps.filter(
            action=Action.VERIFY, store=step.store, record=step.record, status=StepStatus.PLANNED
        ).update(not_before=lag)

    return Outcome("Erased", None, on_recorded)


def _verify(step: RequestStep, store: PersonalDataStore) -> Outcome:
    if not store.verify_absent(_stored_record(step)):
        raise RecordStillThere
    days = store.recoverable_days
    more = f"; the system can restore it for {days} days, then it is checked again" if days else ""
    return Outcome(f"Verified: not there{more}")


def _ground(kind: str) -> Ground:
    return Ground.OBJECTION if kind == RequestKind.OBJECTION else Ground.RESTRICTION


def _restrict(step: RequestStep, store: PersonalDataStore) -> Outcome:
    store.restrict(_stored_record(step), _ground(step.request.kind))
    return Outcome("Stopped" if step.request.kind == RequestKind.OBJECTION else "Restricted")


def _release(step: RequestStep, store: PersonalDataStore) -> Outcome:
    store.release(_stored_record(step), Ground.RESTRICTION)
    return Outcome("Released")


# ---------------------------------------------------------------- in our own tables


def _suppress(step: RequestStep) -> Outcome:
    """In the transaction that records it: written before anything is erased, once or twice alike."""

    def on_recorded(request: SubjectRequest, done: RequestStep) -> None:
        for identity in plan.identities(request):
            gate.suppress(identity, reason=request.kind)

    return Outcome("Suppressed", None, on_recorded)


def _scan(step: RequestStep) -> Outcome:
    return Outcome(*leftover_step.scan(step, lambda progress: renew_lease(step, progress)))


def renew_lease(step: RequestStep, progress: Any) -> None:
    """Long work is still under way: its lease begins anew, and how far it has come is kept.

    Raises:
        RetryLater: the lease was lost; whoever has it by now does the work.
    """
    if step.in_flight_since is None or timezone.now() - step.in_flight_since < RENEWED_AFTER:
        return
    try:
        work.renew_lease(step, result=progress)
    except work.LeaseLost:
        raise RetryLater("Another worker is handling it.") from None


def _notify(step: RequestStep) -> Outcome:
    """A system we change ourselves is told by the change; the steps there are the proof (Art. 19)."""
    store = stores.find_store(step.store)
    if store is None or not store.is_recipient:
        raise ManualStepNeeded(_recipient_instructions(step))
    there = step.request.steps.filter(store=step.store, action__in=step.request.rules.actions)
    if there.exclude(status__in=OVER).exists():
        raise ValueError("a notice before the steps it stands on")
    done = there.filter(status=StepStatus.DONE).values_list("pk", flat=True)
    if done:
        return Outcome(f"Informed by the change itself: steps {', '.join(str(pk) for pk in sorted(done))}.")
    if stated := [each.says for name, each in statements.of_request(step.request) if name == step.store]:
        return Outcome(" ".join(stated))
    held = there.filter(status=StepStatus.WITHHELD).exists()
    return Outcome("Kept under legal hold." if held else "No data about this person is held there any more.")


def _recipient_instructions(step: RequestStep) -> str:
    kind = step.request.kind_label
    return (
        f"{stores.label_of(step.store)} received this person's data. Inform them of this "
        f"{kind[:1].lower()}{kind[1:]}, then enter when and how you did, and their answer."
    )


def _withdraw_concerned(step: RequestStep) -> Outcome:
    concerned = step.request.concerns
    if concerned is None or concerned.status not in OPEN or not is_allowed(withdrawal.check_can_withdraw, concerned):
        return Outcome("Too late: that request had already started or closed.")

    def on_recorded(request: SubjectRequest, done: RequestStep) -> None:
        if request.concerns is not None and request.concerns.status in OPEN:
            withdrawal.withdraw(request.concerns, reason="Withdrawn by the person.", by=None)

    return Outcome("The request was withdrawn.", None, on_recorded)


STORE_HANDLERS: dict[str, Callable[[RequestStep, PersonalDataStore], Outcome]] = {
    Action.LOCATE: _locate,
    Action.RECHECK: _recheck,
    Action.EXPORT: _export,
    Action.RECTIFY: _rectify,
    Action.ERASE: _erase,
    Action.VERIFY: _verify,
    Action.RESTRICT: _restrict,
    Action.RELEASE: _release,
}
INTERNAL_HANDLERS: dict[str, Callable[[RequestStep], Outcome]] = {
    Action.SUPPRESS: _suppress,
    Action.FOREWARN: lambda step: Outcome(report.check_warning_sent(step)),
    Action.SCAN: _scan,
    Action.NOTIFY: _notify,
    Action.END: _withdraw_concerned,
    Action.PACKAGE: lambda step: Outcome(*report.build_package(step)),
    Action.ANSWER: lambda step: Outcome(report.check_answer_sent(step)),
}
MANUAL_INSTRUCTIONS: dict[str, Callable[[RequestStep], str]] = {
    Action.SCAN: lambda step: leftover_step.BY_HAND,
    Action.NOTIFY: _recipient_instructions,
}


def manual_instructions(step: RequestStep) -> str:
    """What a person does instead, of what is done in our own tables; "" where only the machine can."""
    instructions = MANUAL_INSTRUCTIONS.get(step.action)
    return instructions(step) if instructions else ""
