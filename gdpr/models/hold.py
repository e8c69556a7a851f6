"""Records the law makes us keep although somebody asks for their erasure (Art. 17(3))."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils import timezone

if TYPE_CHECKING:
    from gdpr.models.record import FoundRecord


class LegalHoldQuerySet(models.QuerySet["LegalHold"]):
    def live(self) -> LegalHoldQuerySet:
        return self.filter(lifted_at=None)

    def in_force_on(self, pairs: set[tuple[str, str]]) -> dict[tuple[str, str], LegalHold]:
        """{(store, key): hold} of those that are held now, in one query."""
        found = self.live().filter(key__in={key for _, key in pairs})
        return {(hold.store, hold.key): hold for hold in found if (hold.store, hold.key) in pairs}

    def of_records(self, records: Iterable[FoundRecord]) -> dict[int, LegalHold]:
        """{id of the record: its hold} of those that are held now."""
        places = {record.pk: (record.store, record.key) for record in records}
        found = self.in_force_on(set(places.values()))
        return {pk: found[place] for pk, place in places.items() if place in found}


class LegalHold(models.Model):
    """One record of one store, kept until the hold is lifted. It never stops a clock."""

    store = models.CharField(max_length=32)
    key = models.CharField(max_length=200, help_text="the store's own")
    reason = models.CharField(max_length=500, help_text="which law or dispute; without the person's data")
    placed_at = models.DateTimeField(default=timezone.now)
    placed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    review_on = models.DateField(help_text="when it is looked at again")
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    objects = LegalHoldQuerySet.as_manager()

    class Meta:
        ordering = ["review_on", "id"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["store", "key"], condition=models.Q(lifted_at=None), name="held_once")
        ]

    def __str__(self) -> str:
        return f"hold {self.pk} in {self.store}"
