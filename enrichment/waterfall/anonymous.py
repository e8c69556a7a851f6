"""What was bought stays in the books when the person goes (D35), with nothing that leads back to them.

However a lead is deleted (an erasure, the end of its retention, by hand), its attempts and what it took over are
replaced by rows that tell what was bought and what it cost, and no more: no lead, no batch, no words of a provider,
the day instead of the time. Their keys are drawn at random, because a key out of the sequence would tell the time, and
the time would tell the lead by what the audit and the logs say of it. `deleted_lead` is drawn anew as well: it says
which attempts were one person's, so that people can still be counted, and nothing about which person.

A run's reference goes too; its hash stays with the day, so that what Clay still sends back under it is kept nowhere.
"""

from __future__ import annotations

import datetime
import hashlib
import secrets
import uuid
from collections.abc import Collection
from typing import Any

from django.utils import timezone

from enrichment.models import Attempt, ForgottenReference, Lead, Provider, TakenOver
from enrichment.states import AttemptStatus
from enrichment.waterfall.catalogue_edits import FIELDS

OTHER = "other"  # stands for a word that is not one of ours: whoever wrote it may have written anything
OPEN = (AttemptStatus.INTENDED, AttemptStatus.RUNNING)


def keep_purchases(sender: Any, instance: Lead, **kwargs: Any) -> None:
    """For `pre_delete` of a lead, inside the transaction that deletes it."""
    attempts = list(instance.attempts.select_for_update().order_by("pk"))
    reused = list(instance.taken_over.select_for_update().order_by("pk"))
    if attempts:
        slugs = set(Provider.objects.values_list("slug", flat=True))
        stands_for = uuid.uuid4()
        _forget_references(attempts)
        instance.attempts.all().delete()
        Attempt.objects.bulk_create(_attempt(each, instance, stands_for, slugs) for each in attempts)
    if reused:
        instance.taken_over.all().delete()
        TakenOver.objects.bulk_create(_anonymous_reuse(each) for each in reused)


def digest(reference: str) -> str:
    """As a forgotten reference is kept: nobody can guess 16 random bytes, so it needs no key."""
    return hashlib.sha256(reference.encode()).hexdigest()


def _forget_references(attempts: Collection[Attempt]) -> None:
    today = _day(timezone.now()).date()
    ForgottenReference.objects.bulk_create(
        (ForgottenReference(digest=digest(each.reference), forgotten_on=today) for each in attempts if each.reference),
        ignore_conflicts=True,
    )


def _attempt(of: Attempt, lead: Lead, stands_for: uuid.UUID, slugs: Collection[str]) -> Attempt:
    """One that was open has cost what was kept back for it: nobody can tell any more, and a budget must not
    grow because somebody was forgotten."""
    is_open = of.status in OPEN
    ended = _day(of.finished_at or timezone.now())
    return Attempt(
        pk=_key(),
        deleted_lead=stands_for,
        tier=lead.icp_tier,
        waterfall_id=of.waterfall_id,
        skip_providers=of.skip_providers,
        only_providers=of.only_providers,
        deferred_providers=of.deferred_providers,
        without=of.without,
        answered=of.answered,
        source_type=of.source_type,
        started_by_id=of.started_by_id,
        reserved=of.reserved,
        providers=[_call(each, ended, slugs) for each in of.providers],
        status=AttemptStatus.ABANDONED if is_open else of.status,
        started_at=_day(of.started_at),
        finished_at=ended,
        cost=max(of.cost, of.reserved) if is_open else of.cost,
    )


def _call(entry: dict[str, Any], day: datetime.datetime, slugs: Collection[str]) -> dict[str, Any]:
    return {
        "name": entry["name"] if entry["name"] in slugs else OTHER,
        "fields": [name if name in KNOWN else OTHER for name in entry["fields"]],
        "timestamp": day.isoformat(),
        "cost": entry["cost"],
    }


def _anonymous_reuse(of: TakenOver) -> TakenOver:
    return TakenOver(pk=_key(), waterfall=of.waterfall, fields=of.fields, saved=of.saved, taken_at=_day(of.taken_at))


def _key() -> int:
    """Below 0, where no sequence goes."""
    return -1 - secrets.randbelow(2**62)


def _day(moment: datetime.datetime) -> datetime.datetime:
    """Its beginning (UTC): the books are kept by the day."""
    return moment.astimezone(datetime.UTC).replace(hour=0, minute=0, second=0, microsecond=0)


KNOWN = {field.name for field in Lead._meta.concrete_fields} | {n for names in FIELDS.values() for n in names}
