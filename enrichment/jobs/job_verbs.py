"""What the audit ledger calls the acts on long work, by its kind."""

from dataclasses import dataclass

from enrichment.models.job import JobKind
from swarm_admin.core.audit_verbs import Verb


@dataclass(frozen=True)
class Verbs:
    """What the audit ledger calls the start, the cancelling and the end of a kind of job."""

    start: Verb
    cancel: Verb
    end: Verb


_RETRY = Verbs(Verb.START_RETRY, Verb.CANCEL_RETRY, Verb.END_RETRY)
VERBS = {
    JobKind.RETRY: _RETRY,
    JobKind.RETRY_LEADS: _RETRY,
    JobKind.RETRY_DELIVERIES: _RETRY,
    JobKind.DELIVER_MOVED: Verbs(Verb.START_MOVED_DELIVERY, Verb.CANCEL_MOVED_DELIVERY, Verb.END_MOVED_DELIVERY),
    JobKind.PILOT: Verbs(Verb.START_PILOT, Verb.CANCEL_PILOT, Verb.END_PILOT),
    JobKind.IMPORT: Verbs(Verb.START_IMPORT, Verb.CANCEL_IMPORT, Verb.END_IMPORT),
}  # a rescore is never cancelled
END = {kind: verbs.end for kind, verbs in VERBS.items()} | {JobKind.RESCORE: Verb.END_RESCORE}
