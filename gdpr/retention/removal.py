"""How one record goes when its retention ends: erased, or, where it is somebody else's too, freed of what we wrote."""

from gdpr import stores
from gdpr.models import PurgeRecord
from gdpr.stores import Capability, Record, SharesRecords


class Removal:
    """Of one record; whether it stays is decided before the first call and kept with it."""

    def __init__(self, record: PurgeRecord) -> None:
        self._record = record
        self._store = stores.named(record.store)
        self._told = Record(record.store, record.key)
        self._of = Record(record.purge.store, record.purge.key)
        self._shared = self._decide()

    def _decide(self) -> SharesRecords | None:
        """The store where the record stays, None where it is erased."""
        if not isinstance(self._store, SharesRecords):
            return None
        if not self._record.stays and self._record.erased_at is None:
            self._stays(self._store.stays(self._told, self._of))
        return self._store if self._record.stays else None

    def _stays(self, why: str) -> None:
        if why != self._record.stays:
            self._record.stays = why
            self._record.save(update_fields=["stays"])

    def begin(self) -> None:
        """Raises Later, Unsupported."""
        if self._shared:
            self._shared.take_out(self._told, self._of)
        else:
            self._store.erase(self._told)

    def is_over(self) -> bool:
        """Read back. Raises Later, Unsupported."""
        if not self._shared:
            return self._store.verify_absent(self._told)
        there = self._shared.is_taken_out(self._told, self._of)
        if there is None:  # it is gone altogether: nothing is said to have stayed
            self._stays("")
        return there is not False

    def instructions(self, capability: Capability) -> str:
        """What a person does by hand instead."""
        if self._shared:
            return self._shared.how_to_take_out(self._told, self._of)
        return self._store.instructions(capability, self._told)
