"""What the person and the authority are given: the package, the answer, what was looked for at the end."""

from __future__ import annotations

from typing import Any

from gdpr import stores
from gdpr.kinds import Action, RequestKind
from gdpr.messages import defaults, outstanding, write
from gdpr.models import RequestMessage, RequestStep, SubjectRequest
from gdpr.package import files, statements
from gdpr.requests.pipeline.step_outcomes import ManualStepNeeded
from gdpr.states import MessageStatus, RequestStatus, StepStatus
from gdpr.stores import RetryLater
from swarm_admin.core import mail, timing

OUT = (MessageStatus.SENT, MessageStatus.COPIED)
MESSAGE_SECONDS = 30.0  # how often a step looks whether its message has left; sending wakes it as well


def build_package(step: RequestStep) -> tuple[str, Any]:
    """The access package as files; (proof, result)."""
    written = files.build(step.request)
    return f"{len(written)} files", None


# ---------------------------------------------------------------- messages a step waits for


def check_answer_sent(step: RequestStep) -> str:
    """Whether the person has the answer.

    Raises:
        RetryLater: it is on its way, or an earlier letter is: the request is open until all of them have left.
        ManualStepNeeded: a person sends it: with the package, or as no e-mail address is known, or the server refuses.
    """
    request = step.request
    message = write.newest(request, defaults.COMPLETION)
    if message is None:
        values = {"outcome": outcome_text(request), "remains": remaining_data_text(request)}
        message = write.write(request, defaults.COMPLETION, draft=request.kind == RequestKind.ACCESS, **values)
    proof = _check_message_sent(message)
    if outstanding.has_queued(request):
        raise RetryLater("An earlier message to the person is still to be sent.", timing.due_in(MESSAGE_SECONDS))
    return proof


def check_warning_sent(step: RequestStep) -> str:
    """Whether the person was told before the restriction is lifted (Art. 18(3)). Raises as `check_answer_sent`."""
    message = write.newest(step.request, defaults.LIFTING) or write.write(step.request, defaults.LIFTING)
    return _check_message_sent(message)


def _check_message_sent(message: RequestMessage) -> str:
    if message.status in OUT and message.sent_at:
        return f"Message {message.pk}, {message.get_status_display().lower()}"
    if message.status in (MessageStatus.QUEUED, MessageStatus.SENDING):
        raise RetryLater("The message to the person is still to be sent.", timing.due_in(MESSAGE_SECONDS))
    if message.request.kind == RequestKind.ACCESS:
        raise ManualStepNeeded(
            "Review the package, download it, and send it so that only the person can open it. Then mark the "
            "message as sent another way. That completes the request."
        )
    if message.status == MessageStatus.UNKNOWN:
        raise ManualStepNeeded(
            "Delivery is unconfirmed. Check the mail server's log or ask the person. Then send it again, send "
            "it another way, or mark it as sent."
        )
    if message.status == MessageStatus.FAILED:
        raise ManualStepNeeded(
            "The mail server rejected the message. Send it again, or send it another way and mark it as sent."
        )
    raise ManualStepNeeded(_draft_instructions(message))


def _draft_instructions(message: RequestMessage) -> str:
    """Why it does not leave by itself, and what to do. An officer may have added either since it was written."""
    why = ["no e-mail address on file for this person"] if not message.to else []
    why += ["no mail server is set up"] if mail.why_not() else []
    if not why:
        return "The message is a draft. Send it, or send it another way and mark it as sent."
    reasons = " and ".join(why)
    return f"{reasons[0].upper()}{reasons[1:]}. Send the message another way, and mark it as sent."


def outcome_text(request: SubjectRequest) -> str:
    """What was done, for the person, without a word of ours that says more than the steps do."""
    done = _completed_steps(request)
    nothing = "We searched all our systems and hold no data about you."
    sentences = {
        RequestKind.ACCESS: (
            "We are sending you a copy of the data we hold about you, with all the information the law requires."
        ),
        RequestKind.RECTIFICATION: (
            "We have corrected your data as you asked, and the recipients of the data are informed."
        ),
        RequestKind.ERASURE: "We have erased your data and checked that it is gone. A keyed code of your "
        "identifiers, from which they cannot be read, stays on a list so that your data is not collected "
        "again.",
        RequestKind.RESTRICTION: "We have restricted your data: we store it and do nothing else with it. We "
        "will inform you before the restriction ends.",
        RequestKind.RELEASE: "We have lifted the restriction of your data.",
        RequestKind.OBJECTION: "You objected to the use of your data. We stopped immediately: we no longer "
        "contact you, score your data or pass it on.",
        RequestKind.WITHDRAWAL: "As you asked, we have withdrawn your earlier request.",
    }
    if request.kind == RequestKind.WITHDRAWAL and not _was_withdrawn(request):
        return (
            "Your earlier request had already been carried out or started when this one reached us. We could "
            "not stop it."
        )
    held = request.steps.filter(status=StepStatus.WITHHELD).exists()
    if request.kind == RequestKind.OBJECTION and not done and not held:
        return _no_data_to_stop(request)
    if request.rules.actions and not done and not held:
        more = " A keyed code of your identifiers is on a list, so that your data is not collected."
        return nothing + (more if request.rules.suppresses else "")
    return sentences[RequestKind(request.kind)]


def _no_data_to_stop(request: SubjectRequest) -> str:
    """It says under what was looked: whoever is written to under another address must know to name that one."""
    given = [
        words
        for words, value in (
            ("e-mail address", request.emails),
            ("phone number", request.phone),
            ("LinkedIn profile", request.linkedin_url),
        )
        if value
    ]
    return (
        f"You objected to the use of your data. We searched all our systems for the {' and the '.join(given)} "
        f"you gave us and found no data about you. A keyed code of it is on a list, so that no one is "
        f"contacted, scored or passed on under it. If we contact you elsewhere, tell us where and we will "
        f"stop."
    )


def _was_withdrawn(request: SubjectRequest) -> bool:
    return request.concerns is not None and request.concerns.status == RequestStatus.WITHDRAWN


def _completed_steps(request: SubjectRequest) -> list[RequestStep]:
    actions = request.steps.filter(action__in=request.rules.actions, status=StepStatus.DONE)
    return list(actions.select_related("record"))


def remaining_data_text(request: SubjectRequest) -> str:
    """What is still held and until when; empty where nothing is."""
    parts = []
    if request.steps.filter(status=StepStatus.WITHHELD).exists():
        parts.append(
            "Some records are kept because the law requires or allows it (Art. 17(3)). They are used for nothing else."
        )
    if request.kind == RequestKind.ERASURE:
        for step in _completed_steps(request):
            store = stores.find_store(step.store)
            if step.action == Action.ERASE and store and store.recoverable_days and step.done_at:
                until = step.done_at + timing.span(store.recoverable_days * 86_400)
                parts.append(
                    f"{store.label} can restore the record until {until:%-d %B %Y}. We check again after that."
                )
        parts += statements.still_kept(request)
        parts.append("Earlier backups expire on their own. If one is restored, the erasure is repeated.")
    return " ".join(dict.fromkeys(parts))
