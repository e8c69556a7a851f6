"""The states of subject requests, their steps, their messages and the standing duties, and who may follow whom."""

from django.db import models

from swarm_admin.core.states import declare


class RequestStatus(models.TextChoices):
    RECEIVED = "received", "Received"
    VERIFYING = "verifying", "Verifying identity"
    LOCATING = "locating", "Locating"
    AWAITING_APPROVAL = "awaiting_approval", "Awaiting approval"
    EXECUTING = "executing", "Executing"
    NEEDS_ACTION = "needs_action", "Needs action"
    COMPLETED = "completed", "Completed"
    REFUSED = "refused", "Refused"
    WITHDRAWN = "withdrawn", "Withdrawn"


class StepStatus(models.TextChoices):
    """A step is over only when it is done, or was never begun: withheld by a legal hold, or cancelled."""

    PLANNED = "planned", "Planned"
    IN_FLIGHT = "in_flight", "Running"
    UNKNOWN = "unknown", "Outcome unknown"
    MANUAL = "manual", "By hand"
    FAILED = "failed", "Failed"
    DONE = "done", "Done"
    WITHHELD = "withheld", "Kept under legal hold"
    CANCELLED = "cancelled", "Cancelled"


class MessageStatus(models.TextChoices):
    DRAFT = "draft", "Draft"
    QUEUED = "queued", "Waiting to be sent"
    SENDING = "sending", "Sending"
    SENT = "sent", "Sent by e-mail"
    GIVEN = "given", "Exported, not confirmed"
    COPIED = "copied", "Sent another way"
    UNKNOWN = "unknown", "Outcome unknown"
    FAILED = "failed", "Not sent"
    DROPPED = "dropped", "Dropped"


class DutyStatus(models.TextChoices):
    OPEN = "open", "To do"
    IN_FLIGHT = "in_flight", "Running"
    MANUAL = "manual", "By hand"
    DONE = "done", "Done"


class PurgeStatus(models.TextChoices):
    PLANNED = "planned", "Waiting"
    IN_FLIGHT = "in_flight", "Running"
    MANUAL = "manual", "By hand"
    HELD = "held", "Kept under legal hold"
    DONE = "done", "Done"


class RemovalStatus(models.TextChoices):
    """Of one record within a purge."""

    WAITING = "waiting", "Waiting"
    MANUAL = "manual", "By hand"
    DONE = "done", "Gone"


P, V = PurgeStatus, RemovalStatus
R, S, M, D = RequestStatus, StepStatus, MessageStatus, DutyStatus
CLOSED = (R.COMPLETED, R.REFUSED, R.WITHDRAWN)
OPEN = tuple(status for status in R if status not in CLOSED)
WORKED_ON = (R.LOCATING, R.EXECUTING, R.NEEDS_ACTION)  # the statuses in which steps run
BY_PERSON = (S.MANUAL, S.FAILED)
OVER = (S.DONE, S.WITHHELD, S.CANCELLED)

declare(
    R,
    {
        R.RECEIVED: {R.VERIFYING, R.LOCATING, R.REFUSED, R.WITHDRAWN},
        R.VERIFYING: {R.LOCATING, R.REFUSED, R.WITHDRAWN},
        R.LOCATING: {R.AWAITING_APPROVAL, R.EXECUTING, R.NEEDS_ACTION, R.REFUSED, R.WITHDRAWN},
        R.AWAITING_APPROVAL: {R.LOCATING, R.EXECUTING, R.NEEDS_ACTION, R.REFUSED, R.WITHDRAWN},
        R.EXECUTING: {R.NEEDS_ACTION, R.AWAITING_APPROVAL, R.COMPLETED, R.REFUSED, R.WITHDRAWN},
        R.NEEDS_ACTION: {R.LOCATING, R.AWAITING_APPROVAL, R.EXECUTING, R.COMPLETED, R.REFUSED, R.WITHDRAWN},
        R.COMPLETED: set(),
        R.REFUSED: set(),
        R.WITHDRAWN: set(),
    },
)
declare(
    S,
    {
        S.PLANNED: {S.IN_FLIGHT, S.MANUAL, S.WITHHELD, S.CANCELLED},
        S.IN_FLIGHT: {S.DONE, S.PLANNED, S.UNKNOWN, S.MANUAL, S.FAILED},
        S.UNKNOWN: {S.IN_FLIGHT, S.MANUAL},
        # A step done once can be due again: what was read back as gone is found there once more.
        S.DONE: {S.PLANNED},
        S.MANUAL: {S.DONE, S.PLANNED, S.WITHHELD, S.CANCELLED},
        S.FAILED: {S.PLANNED, S.MANUAL, S.WITHHELD, S.CANCELLED},
        # Done without the step: the hold was lifted after the end of its request, and the record erased then.
        S.WITHHELD: {S.PLANNED, S.DONE},
        S.CANCELLED: {S.PLANNED},
    },
)
declare(
    M,
    {
        M.DRAFT: {M.QUEUED, M.COPIED, M.DROPPED},
        M.QUEUED: {M.SENDING, M.DROPPED, M.DRAFT},  # a draft again where no mail leaves any more
        M.SENDING: {M.SENT, M.FAILED, M.QUEUED, M.UNKNOWN},
        # Handed over without an answer: a person finds out, or sends it again.
        M.UNKNOWN: {M.SENT, M.QUEUED, M.COPIED, M.DROPPED},
        M.FAILED: {M.QUEUED, M.COPIED, M.DROPPED},
        M.GIVEN: {M.COPIED},
        M.SENT: set(),
        M.COPIED: set(),
        M.DROPPED: set(),
    },
)
declare(
    D,
    {
        D.OPEN: {D.IN_FLIGHT},
        D.IN_FLIGHT: {D.OPEN, D.MANUAL, D.DONE},
        D.MANUAL: {D.OPEN, D.DONE},
        D.DONE: set(),
    },
)
declare(
    P,
    {
        P.PLANNED: {P.IN_FLIGHT, P.HELD},
        P.IN_FLIGHT: {P.PLANNED, P.MANUAL, P.HELD, P.DONE},
        P.MANUAL: {P.PLANNED},
        P.HELD: {P.PLANNED},
        P.DONE: set(),
    },
)
declare(V, {V.WAITING: {V.MANUAL, V.DONE}, V.MANUAL: {V.WAITING, V.DONE}, V.DONE: set()})
