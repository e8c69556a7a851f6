"""Published versions of the waterfalls and of the scorecard: never edited after publishing."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from enrichment.states import VersionStatus

# Every row mirrored asks for both; a published version is never edited, so only its successor can be late.
ACTIVE_SECONDS = 1.0
_active: dict[type[Version], tuple[float, Any]] = {}


def forget_active() -> None:
    """After publishing, so that this process goes on with the new version at once."""
    _active.clear()


class Version(models.Model):
    number = models.PositiveIntegerField(unique=True)
    status = models.CharField(max_length=16, choices=VersionStatus.choices, default=VersionStatus.DRAFT)
    document = models.JSONField()
    note = models.CharField(max_length=500, blank=True, default="")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
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
        constraints = [
            models.UniqueConstraint(
                fields=["status"], condition=Q(status="published"), name="one_published_waterfall"
            )
        ]

    @property
    def phone_country(self) -> str:
        """The country of phone numbers that name none, two letters."""
        return str(self.document.get("waterfall_phone", {}).get("country_default") or "US")


class ScorecardVersion(Version):
    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["status"], condition=Q(status="published"), name="one_published_scorecard"
            )
        ]
