"""How one record goes when its retention ends: erased, or, where it is somebody else's too, freed of what we wrote."""

from gdpr import stores
from gdpr.models import PurgeRecord
from gdpr.stores import Capability, Record, SharesRecords


class Removal:
    """Of one record; whether it stays is decided before the first call and kept with it."""

    def __init__(self, record: PurgeRecord) -> None:
        self._record = record
        self._store = stores.get_store(record.store)
        self._target = Record(record.store, record.key)
        self._ending = Record(record.purge.store, record.purge.key)
        self._shared = self._decide()

    def _decide(self) -> SharesRecords | None:
        """The store where the record stays, None where it is erased."""
        if not isinstance(self._store, SharesRecords):
            return None
        if not self._record.stays and self._record.erased_at is None:
            self._note_why_it_stays(self._store.why_it_stays(self._target, self._ending))
        return self._store if self._record.stays else None

    def _note_why_it_stays(self, why: str) -> None:
        if why != self._record.stays:
            self._record.stays = why
            self._record.save(update_fields=["stays"])

    def start(self) -> None:
        """Raises RetryLater, Unsupported."""
        if self._shared:
            self._shared.remove_our_data(self._target, self._ending)
        else:
            self._store.erase(self._target)

    def is_done(self) -> bool:
        """Read back. Raises RetryLater, Unsupported."""
        if not self._shared:
            return self._store.verify_absent(self._target)
        there = self._shared.is_our_data_gone(self._target, self._ending)
        if there is None:  # it is gone altogether: nothing is said to have stayed
            self._note_why_it_stays("")
        return there is not False

    def instructions(self, capability: Capability) -> str:
        """What a person does by hand instead."""
        if self._shared:
            return self._shared.removal_instructions(self._target, self._ending)
        return self._store.instructions(capability, self._target)
