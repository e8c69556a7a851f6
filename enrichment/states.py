"""The states of leads, batches, attempts, webhook deliveries and handovers, and who may follow whom."""

from typing import Any

from django.db import models

from swarm_admin.core.states import declare


class EnrichmentStatus(models.TextChoices):
    """Exactly the six statuses of the specification (D3)."""

    PENDING = "pending", "Pending"
    IN_PROGRESS = "in_progress", "In progress"
    COMPLETED = "completed", "Completed"
    PARTIAL = "partial", "Partial"
    FAILED = "failed", "Failed"
    UNENRICHABLE = "unenrichable", "Unenrichable"


# With something found: these are handed over.
DELIVERED = (EnrichmentStatus.COMPLETED, EnrichmentStatus.PARTIAL)
FINAL_STATUSES = (
    EnrichmentStatus.COMPLETED,
    EnrichmentStatus.PARTIAL,
    EnrichmentStatus.FAILED,
    EnrichmentStatus.UNENRICHABLE,
)


class BatchStatus(models.TextChoices):
    PLANNED = "planned", "Planned"
    IN_FLIGHT = "in_flight", "In flight"
    UNKNOWN = "unknown", "Outcome unknown"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


class ItemStatus(models.TextChoices):
    PLANNED = "planned", "Planned"
    DONE = "done", "Done"
    AGAIN = "again", "Retrying"
    SET_ASIDE = "set_aside", "Set aside"


class AttemptStatus(models.TextChoices):
    INTENDED = "intended", "Intended"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    ABANDONED = "abandoned", "Abandoned"


class DeliveryStatus(models.TextChoices):
    RECEIVED = "received", "Received"
    PROCESSING = "processing", "Processing"
    PROCESSED = "processed", "Processed"
    FAILED = "failed", "Failed"


class HandoverStatus(models.TextChoices):
    PLANNED = "planned", "Planned"
    IN_FLIGHT = "in_flight", "In flight"
    UNKNOWN = "unknown", "Outcome unknown"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    WITHHELD = "withheld", "Withheld"


class RunStatus(models.TextChoices):
    """A routine's run: `planned` is due to be asked about, `in_flight` is being asked, `unknown` has no id yet."""

    PLANNED = "planned", "Running"
    IN_FLIGHT = "in_flight", "Being read"
    UNKNOWN = "unknown", "Outcome unknown"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


class VersionStatus(models.TextChoices):
    DRAFT = "draft", "Draft"
    PUBLISHED = "published", "Published"
    SUPERSEDED = "superseded", "Superseded"
    DISCARDED = "discarded", "Discarded"
    TRIAL = "trial", "Tested in a pilot"


class MoveStatus(models.TextChoices):
    """A lead lifted into a campaign tier by a rescore: whether it is delivered is a person's decision."""

    WAITING = "waiting", "Awaiting review"
    DELIVERED = "delivered", "Delivery started"
    DISMISSED = "dismissed", "Dismissed"
    OVERTAKEN = "overtaken", "No longer in the tier"


S, B, T, A, D, H, N, V, R = (
    EnrichmentStatus,
    BatchStatus,
    ItemStatus,
    AttemptStatus,
    DeliveryStatus,
    HandoverStatus,
    RunStatus,
    VersionStatus,
    MoveStatus,
)

# A final lead may change to another final status: a later webhook can bring more or less.
_lead_final = {S.PENDING, S.IN_PROGRESS, *FINAL_STATUSES}

_TABLES: dict[type[models.TextChoices], dict[Any, set[Any]]] = {
    S: {
        S.PENDING: {S.IN_PROGRESS, *FINAL_STATUSES},
        S.IN_PROGRESS: {S.PENDING, *FINAL_STATUSES},
        S.COMPLETED: _lead_final - {S.COMPLETED},
        S.PARTIAL: _lead_final - {S.PARTIAL},
        S.FAILED: _lead_final - {S.FAILED},
        S.UNENRICHABLE: _lead_final - {S.UNENRICHABLE},
    },
    B: {
        B.PLANNED: {B.IN_FLIGHT, B.FAILED},
        B.IN_FLIGHT: {B.DONE, B.UNKNOWN, B.PLANNED, B.FAILED},
        B.UNKNOWN: {B.IN_FLIGHT, B.DONE, B.FAILED},
        B.DONE: set(),
        B.FAILED: set(),
    },
    T: {T.PLANNED: {T.DONE, T.AGAIN, T.SET_ASIDE}, T.DONE: set(), T.AGAIN: set(), T.SET_ASIDE: set()},
    A: {
        A.INTENDED: {A.RUNNING, A.FAILED, A.SUCCEEDED, A.ABANDONED},
        A.RUNNING: {A.SUCCEEDED, A.FAILED, A.ABANDONED},
        A.SUCCEEDED: set(),
        A.FAILED: set(),
        A.ABANDONED: set(),
    },
    D: {
        D.RECEIVED: {D.PROCESSING},
        D.PROCESSING: {D.PROCESSED, D.FAILED, D.RECEIVED},
        D.PROCESSED: {D.RECEIVED},
        D.FAILED: {D.RECEIVED},
    },
    H: {
        H.PLANNED: {H.IN_FLIGHT, H.WITHHELD},
        H.IN_FLIGHT: {H.DONE, H.UNKNOWN, H.PLANNED, H.FAILED, H.WITHHELD},
        H.UNKNOWN: {H.IN_FLIGHT, H.DONE, H.FAILED, H.WITHHELD},
        H.DONE: set(),
        H.FAILED: {H.PLANNED, H.UNKNOWN},
        H.WITHHELD: {H.PLANNED},
    },
    N: {
        N.PLANNED: {N.IN_FLIGHT, N.FAILED},
        N.IN_FLIGHT: {N.PLANNED, N.DONE, N.UNKNOWN, N.FAILED},
        N.UNKNOWN: {N.PLANNED, N.IN_FLIGHT, N.FAILED},
        N.DONE: set(),
        N.FAILED: {N.PLANNED},  # its pointer came after all
    },
    V: {
        V.DRAFT: {V.PUBLISHED, V.DISCARDED, V.TRIAL},  # tried is a copy of it: the draft itself goes on
        V.PUBLISHED: {V.SUPERSEDED},
        V.SUPERSEDED: set(),
        V.DISCARDED: set(),
        V.TRIAL: set(),
    },
    R: {
        R.WAITING: {R.DELIVERED, R.DISMISSED, R.OVERTAKEN},
        R.DELIVERED: set(),
        R.DISMISSED: set(),
        R.OVERTAKEN: set(),
    },
}
for _machine, _table in _TABLES.items():
    declare(_machine, _table)
