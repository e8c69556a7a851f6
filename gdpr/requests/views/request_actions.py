"""Everything staff do on a request's page: one table of actions, and one way of saying why not."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import Http404

from gdpr.messages.mail_check import check_can_send_mail
from gdpr.models import FoundRecord, SubjectRequest
from gdpr.requests import (
    actions,
    after_checks,
    clarifications,
    leftover_erasure,
    legal_holds,
    manual_steps,
    message_actions,
    withdrawal,
)
from gdpr.requests import request_forms as f
from gdpr.requests.pipeline import approve, locate, verify
from swarm_admin.core.errors import ActionNotAllowed, why_not_allowed

VIEW = "gdpr.view_request"
HANDLE = "gdpr.handle_request"
APPROVE = "gdpr.approve_request"
HOLD = "gdpr.place_hold"
Given = dict[str, Any]


@dataclass(frozen=True)
class PageAction:
    """`run` does it; `check` raises ActionNotAllowed where it cannot be done now; `done` is said after."""

    form: type[f.RequestForm]
    run: Callable[[SubjectRequest, Given, Any], object]
    done: str
    check: Callable[[SubjectRequest, Any], None] = lambda subject, by: None
    permission: str = HANDLE


def _assign(subject: SubjectRequest, given: Given, by: Any) -> None:
    people = get_user_model()._default_manager
    actions.assign(subject, to=people.get(pk=int(given["to"])) if given["to"] else None, by=by)


def _ask(subject: SubjectRequest, given: Given, by: Any) -> None:
    actions.ask(
        subject, reason=given["reason"], justification=given["justification"], question=given["question"],
        to=given["to"] or None, by=by,
    )  # fmt: skip


def _decide(subject: SubjectRequest, given: Given, by: Any) -> None:
    record = _item(subject.records, given["id"])
    locate.decide(record, include=bool(given["include"]), reason=given["reason"], by=by)


def _place_hold(subject: SubjectRequest, given: Given, by: Any) -> None:
    record: FoundRecord = _item(subject.records, given["id"])
    if not record.key:
        raise ActionNotAllowed("The record ID has already been erased.")
    legal_holds.place(store=record.store, key=record.key, reason=given["reason"], review_on=given["review_on"], by=by)


def _erase_leftover(subject: SubjectRequest, given: Given, by: Any) -> None:
    step = _item(subject.steps, given["id"])
    leftover_erasure.erase_found(step, place=given["place"], row=given["row"], reason=given["reason"], by=by)


def _item(related: Any, pk: int) -> Any:
    """One thing of this request; another request's is none of its business."""
    found = related.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


ACTIONS: dict[str, PageAction] = {
    "assign": PageAction(f.Assign, _assign, "Assigned."),
    "ask": PageAction(
        f.Ask,
        _ask,
        "Question sent. The deadline pauses where the law allows it.",
        lambda s, by: clarifications.check_can_ask(s),
    ),
    "answered": PageAction(
        f.NoteAnswer,
        lambda s, given, by: actions.note_answer(_item(s.pauses, given["id"]), answered_at=given["answered_at"], by=by),
        "Answer logged. The deadline runs again from the day of the answer.",
    ),
    "extend": PageAction(
        f.Reason,
        lambda s, given, by: actions.extend(s, reason=given["reason"], by=by),
        "Deadline extended. The person is informed of the reason.",
        lambda s, by: actions.check_can_extend(s),
    ),
    "refuse": PageAction(
        f.Refuse,
        lambda s, given, by: actions.refuse(s, ground=given["ground"], reason=given["reason"], by=by),
        "Request refused. The person is informed of the reason and where to complain.",
        lambda s, by: actions.check_can_refuse(s),
    ),
    "withdraw": PageAction(
        f.Withdraw,
        lambda s, given, by: withdrawal.withdraw(s, reason=given["reason"], told=given["told"], by=by),
        "Withdrawn.",
        lambda s, by: withdrawal.check_can_withdraw(s),
    ),
    "portability": PageAction(
        f.EmptyForm,
        lambda s, given, by: actions.explain_portability(s, by=by),
        "Explained, and offered a machine-readable copy.",
        lambda s, by: actions.check_can_explain_portability(s),
    ),
    "offer": PageAction(
        f.EmptyForm,
        lambda s, given, by: actions.accept_offer(s, by=by),
        "Access request opened for the copy.",
        lambda s, by: actions.check_can_accept_offer(s),
    ),
    "contact": PageAction(
        f.Contact,
        lambda s, given, by: actions.change_contact(s, **given, by=by),
        "Contact changed. Unsent messages go there.",
        lambda s, by: actions.check_can_change_contact(s),
    ),
    "evidence": PageAction(
        f.Evidence,
        lambda s, given, by: verify.note_evidence(s, evidence=given["evidence"], by=by),
        "Evidence saved until you decide.",
        lambda s, by: verify.check_can_decide(s),
    ),
    "identified": PageAction(
        f.ConfirmIdentity,
        lambda s, given, by: verify.confirm_identity(s, **given, by=by),
        "Identity confirmed. Searching all systems.",
        lambda s, by: verify.check_can_decide(s),
    ),
    "not-identified": PageAction(
        f.RejectEvidence,
        lambda s, given, by: verify.reject_evidence(s, method=given["method"], by=by),
        "Evidence rejected. Try another method, or refuse the request.",
        lambda s, by: verify.check_can_decide(s),
    ),
    "decide": PageAction(f.Decide, _decide, "Decided."),
    "look-again": PageAction(
        f.EmptyForm,
        lambda s, given, by: locate.search_again(s, by=by),
        "Searching all systems again.",
        lambda s, by: locate.check_can_search_again(s),
    ),
    "approve": PageAction(
        f.Approve,
        lambda s, given, by: approve.approve(s, plan_hash=given["plan_hash"], by=by),
        "Plan approved. Executing now.",
        approve.check_can_approve,
        APPROVE,
    ),
    "send-back": PageAction(
        f.Reason,
        lambda s, given, by: approve.send_back(s, reason=given["reason"], by=by),
        "Sent back. Searching all systems again.",
        approve.check_can_send_back,
        APPROVE,
    ),
    "step-done": PageAction(
        f.CompleteStep,
        lambda s, given, by: manual_steps.complete(
            _item(s.steps, given["id"]), evidence=given["evidence"], found=given["found"], data=given["data"], by=by
        ),
        "Marked as done.",
    ),
    "step-retry": PageAction(
        f.ItemForm, lambda s, given, by: manual_steps.retry(_item(s.steps, given["id"]), by=by), "Retrying now."
    ),
    "leftover-erase": PageAction(
        f.EraseLeftover, _erase_leftover, "Erased. Once you have reviewed everything, retry the search."
    ),
    "step-take-over": PageAction(
        f.ItemForm,
        lambda s, given, by: manual_steps.take_over(_item(s.steps, given["id"]), by=by),
        "Switched to manual. Follow the instructions next to the step.",
    ),
    "message-send": PageAction(
        f.ItemForm,
        lambda s, given, by: message_actions.send(_item(s.messages, given["id"]), by=by),
        "Message queued.",
        check=lambda subject, by: check_can_send_mail(),
    ),
    "message-copied": PageAction(
        f.ItemForm,
        lambda s, given, by: message_actions.mark_copied(_item(s.messages, given["id"]), by=by),
        "Marked as sent another way.",
    ),
    "message-arrived": PageAction(
        f.ItemForm,
        lambda s, given, by: message_actions.mark_arrived(_item(s.messages, given["id"]), by=by),
        "Marked as sent.",
    ),
    "message-drop": PageAction(
        f.ItemForm, lambda s, given, by: message_actions.drop_message(_item(s.messages, given["id"]), by=by), "Dropped."
    ),
    "check-done": PageAction(
        f.CompleteCheck,
        lambda s, given, by: after_checks.complete(
            _item(s.after_checks, given["id"]), evidence=given["evidence"], by=by
        ),
        "Noted.",
    ),
    "check-again": PageAction(
        f.ItemForm,
        lambda s, given, by: after_checks.retry(_item(s.after_checks, given["id"]), by=by),
        "Checking again.",
    ),
    "hold": PageAction(f.PlaceHold, _place_hold, "Hold placed. It doesn't pause the deadline.", permission=HOLD),
}  # fmt: skip
NO_RIGHT = {
    HANDLE: "You don't have permission to handle requests. Ask a compliance officer.",
    APPROVE: "You don't have permission to approve plans. Ask a compliance officer.",
    HOLD: "You don't have permission to place legal holds. Ask a compliance officer.",
}


def available_actions(subject: SubjectRequest, by: Any) -> dict[str, dict[str, Any]]:
    """{name with _ for -: {"form", "why_not"}} of every action, for the page."""
    return {
        name.replace("-", "_"): {"form": build_form(name, action, subject), "why_not": _why_not(action, subject, by)}
        for name, action in ACTIONS.items()
    }


def build_form(name: str, action: PageAction, subject: SubjectRequest, data: Any = None) -> f.RequestForm:
    return action.form(data, subject=subject, auto_id=f"{name}_%s")


def error_summary(form: f.RequestForm) -> str:
    """What is wrong in a form, in one line: those beside a step or a record are not drawn from their form."""
    return " ".join(
        f"{text}" if name == NON_FIELD_ERRORS else f"{form[name].label}: {text}"
        for name, texts in form.errors.items()
        for text in texts
    )


def _why_not(action: PageAction, subject: SubjectRequest, by: Any) -> str:
    if not by.has_perm(action.permission):
        return NO_RIGHT[action.permission]
    return why_not_allowed(action.check, subject, by)
