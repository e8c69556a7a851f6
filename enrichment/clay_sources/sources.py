"""The source in use: its submissions counted before they are made, the next one when its life is over.

What Clay takes beyond a source's life it acknowledges and loses, so a submission whose outcome is unknown counts.
"""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone

from enrichment.models import ClaySource, SourceClosed
from enrichment.models.connection import CLAY_ROWS
from enrichment.vendor_pauses import pauses
from enrichment.vendors.clay.wire import Source
from enrichment.vendors.errors import Recovery
from gdpr import audit
from swarm_admin.core import encryption
from swarm_admin.core.audit_verbs import Verb


@dataclass(frozen=True)
class Allotment:
    """`count` submissions that `source` may be sent; they are counted already."""

    source: ClaySource
    count: int


def current() -> ClaySource | None:
    """The one that takes the next row; None where none takes any."""
    return ClaySource.objects.filter(closed_at__isnull=True, taken__lt=F("life")).first()


def take(wanted: int) -> Allotment | None:
    """Up to `wanted` submissions of the source in use; one whose life that ends is closed, and the next is in use.

    None where no source takes any: submissions are paused until one is added.
    """
    with transaction.atomic():
        source = ClaySource.objects.select_for_update().filter(closed_at__isnull=True, taken__lt=F("life")).first()
        if source is not None:
            count = min(wanted, source.left)
            source.taken += count
            source.last_sent_at = timezone.now()
            source.save(update_fields=["taken", "last_sent_at"])
            if not source.left:
                close(source, SourceClosed.USED_UP)
            return Allotment(source, count)
    pauses.pause_for_sources()
    return None


def give_back(source: ClaySource, count: int) -> None:
    """Submissions that certainly never reached Clay, or were refused. A source that this gives room stays closed."""
    if count:
        ClaySource.objects.filter(pk=source.pk).update(taken=Greatest(F("taken") - count, 0))


def close(source: ClaySource, because: SourceClosed, *, by: object = None) -> bool:
    """It takes no more rows. False where it was closed already."""
    with transaction.atomic():
        closed = ClaySource.objects.filter(pk=source.pk, closed_at__isnull=True).update(
            closed_at=timezone.now(), closed_because=because
        )
        if closed:
            audit.record(Verb.CLOSE_CLAY_SOURCE, by=by, on=source, reason=str(because))
    return bool(closed)


def has_other(source: ClaySource) -> bool:
    """Whether rows can go elsewhere without this one."""
    return ClaySource.objects.filter(closed_at__isnull=True, taken__lt=F("life")).exclude(pk=source.pk).exists()


def resume() -> bool:
    """After a source was added: what waited for one goes on. False where nothing did, or none takes any."""
    hold = pauses.open_pause(CLAY_ROWS)
    if hold is None or hold.reason != Recovery.NO_SOURCE or current() is None:
        return False
    return pauses.end_pause(hold, reason="a source takes rows")


def note_columns(source_id: int, columns: set[str]) -> None:
    """A callback carried these columns with a value."""
    now = timezone.now()
    with transaction.atomic():
        source = ClaySource.objects.select_for_update().filter(pk=source_id).first()
        if source is not None:
            source.columns |= dict.fromkeys(sorted(columns), now.isoformat(timespec="seconds"))
            source.last_callback_at = now
            source.save(update_fields=["columns", "last_callback_at"])


def address(source: ClaySource) -> Source:
    """Where its rows are posted, with its token. Raises `encryption.Unreadable`."""
    return Source(source.url, encryption.decrypt(source.token))
