"""Suppressed people who come back under another identifier: what was made of them is removed (Art. 17, Art. 21).

Whoever collects people finds out by an answer that names an address on the list. The record is queued with what has
ended its retention: erased here and elsewhere, read back, and an officer's with an alert where that cannot be done.
"""

from django.db import transaction

from gdpr.data_subjects import RetainedRecord
from gdpr.identity import Identity, digests
from gdpr.models import PurgeReason, SubjectRequest
from gdpr.retention import retention
from gdpr.suppression import gate


def queue_removal(kept: RetainedRecord, person: Identity) -> bool:
    """Queue the removal of `kept`, which is about the suppressed `person`; what names it is suppressed as well.

    False, and nothing is done, where nobody of `person` is on the list by anything that is theirs alone, or while
    a request of theirs is open: its plan finds the record, and nothing goes before it is approved.
    """
    reasons = gate.reasons([person]).get(0)
    if not reasons or SubjectRequest.objects.open().of_identity(list(digests(person.spellings()))).exists():
        return False
    with transaction.atomic():
        if kept.record.identity.identifiers():
            gate.suppress(kept.record.identity, reason=min(reasons))
        retention.enqueue(kept, PurgeReason.RETURNED)
    return True
