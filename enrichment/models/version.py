"""Published versions of the waterfalls and of the scorecard: never edited after publishing."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from enrichment.states import VersionStatus

# Every row mirrored asks for both; a published version is never edited, so only its successor can be late.
ACTIVE_SECONDS = 1.0
_active: dict[type[Version], tuple[float, Any]] = {}


def forget_active() -> None:
    """After publishing, so that this process goes on with the new version at once."""
    _active.clear()


class Version(models.Model):
    """One document and its life: a draft is edited, published once, superseded by the next. One draft at a time."""

    number = models.PositiveIntegerField(unique=True)
    status = models.CharField(max_length=16, choices=VersionStatus.choices, default=VersionStatus.DRAFT)
    document = models.JSONField()
    note = models.CharField(max_length=500, blank=True, default="")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    based_on = models.PositiveIntegerField(null=True, blank=True, help_text="number of the version it was copied from")
    revision = models.PositiveIntegerField(
        default=0, help_text="counts a draft's saves; a save names the one it began with"
    )
    edited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    edited_at = models.DateTimeField(null=True, blank=True)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"version {self.number}"

    @classmethod
    def active(cls) -> Any:
        """The published version, as of at most a second ago. There is always one: the first is planted."""
        kept_until, version = _active.get(cls, (0.0, None))
        if time.monotonic() >= kept_until:
            version = cls._default_manager.get(status=VersionStatus.PUBLISHED)
            _active[cls] = (time.monotonic() + ACTIVE_SECONDS, version)
        return version


class WaterfallVersion(Version):
    class Meta:
        permissions = [("edit_waterfall", "Can edit and publish the waterfalls and the catalogue, and try drafts")]
        constraints = [
            models.UniqueConstraint(fields=["status"], condition=Q(status="published"), name="one_published_waterfall"),
            models.UniqueConstraint(fields=["status"], condition=Q(status="draft"), name="one_draft_waterfall"),
        ]

    @property
    def phone_country(self) -> str:
        """The country of phone numbers that name none, two letters."""
        return str(self.document.get("waterfall_phone", {}).get("country_default") or "US")


class ScorecardVersion(Version):
    class Meta:
        permissions = [("edit_scorecard", "Can edit and publish the ICP scorecard")]
        constraints = [
            models.UniqueConstraint(fields=["status"], condition=Q(status="published"), name="one_published_scorecard"),
            models.UniqueConstraint(fields=["status"], condition=Q(status="draft"), name="one_draft_scorecard"),
        ]


class DraftSave(models.Model):
    """A draft as it was at one save: what a save that began with it is merged from. Gone with the draft."""

    kind = models.CharField(max_length=16, help_text="scorecard or waterfall")
    number = models.PositiveIntegerField(help_text="of the draft")
    revision = models.PositiveIntegerField()
    document = models.JSONField()
    saved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    saved_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "number", "revision"], name="draft_save_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.number}, save {self.revision}"
