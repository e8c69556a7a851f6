"""What the stores of all vendors have in common: a vendor's file holds only how its records are found and changed.

Each act has one shape here: who may be on the way there is waited for, the call is made under the vendor's limit and
pauses, and what was done is read back.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from enrichment.models import Disclosure, Handover, Lead
from enrichment.stores import asking, people, restriction, texts
from enrichment.stores.values import validated
from enrichment.vendors.capabilities import Capability as Can
from enrichment.vendors.lead_values import as_text
from enrichment.vendors.vendor import Vendor
from gdpr.identity import Identity
from gdpr.stores import Capability, Copy, Ground, Record, Share, Unsupported

Answer = TypeVar("Answer")
Found = TypeVar("Found")  # a record as the vendor's client answers it
# What the vendor must be able to for an act, any of them; the others need no call that could be missing.
NEEDS = {
    Capability.LOCATE: {Can.SEARCH, Can.EXPORT},
    Capability.EXPORT: {Can.FETCH},
    Capability.RECTIFY: {Can.UPDATE},
    Capability.ERASE: {Can.DELETE},
    Capability.VERIFY: {Can.FETCH},
}


class VendorStore(ABC, Generic[Found]):
    """`gdpr.stores.PersonalDataStore` for one vendor. `reference`: the lead's field with the id of its record there."""

    vendor: ClassVar[Vendor]
    reference: ClassVar[str]
    is_recipient = True
    order = 0
    recoverable_days = 0
    on_its_way = "A delivery of this lead"

    def __init__(self) -> None:
        self.name, self.label = self.vendor.slug, self.vendor.name

    def capabilities(self) -> frozenset[Capability]:
        """What can be done by call; without a key every step there is a person's."""
        if not self.vendor.has_key:
            return frozenset()
        return frozenset(act for act in Capability if act not in NEEDS or NEEDS[act] & self.vendor.able)

    def instructions(self, capability: Capability, record: Record | None) -> str:
        return texts.instructions(self.vendor.by_hand, capability, record)

    # ------------------------------------------------------------ what a vendor's file holds

    @abstractmethod
    def _records(self, circle: people.KnownPerson) -> Sequence[Record]:
        """All records that lead to anybody of the circle."""

    @abstractmethod
    def _read(self, record: Record, capability: Capability) -> Found | None:
        """The record as it is now; None only where the vendor itself says that there is none."""

    @abstractmethod
    def _copy(self, record: Record, found: Found) -> Copy: ...

    @abstractmethod
    def _correct(self, record: Record, found: Found, written: dict[str, Any]) -> Mapping[str, Any]:
        """Write what of `written` it holds; returns {our field: what stood there before}."""

    @abstractmethod
    def _delete(self, record: Record, capability: Capability) -> bool:
        """True: deleted now; False: the vendor says that it was gone already."""

    @abstractmethod
    def _is_found(self, record: Record) -> bool:
        """Whether any look-up by what is known of the person still leads to a record that is not there."""

    @abstractmethod
    def _limit_processing(self, record: Record, ground: Ground) -> None:
        """What has to be done at the vendor, so that it uses the record for nothing."""

    @abstractmethod
    def release(self, record: Record, ground: Ground) -> None: ...

    def _own_id(self, record: Record) -> str:
        """What the lead's reference holds of this record."""
        return record.key

    def _is_on_its_way(self, leads: Collection[int]) -> bool:
        return restriction.being_delivered(leads, self.name)

    # ------------------------------------------------------------ the acts

    def locate(self, identity: Identity) -> Sequence[Record]:
        self._configured(Capability.LOCATE)
        circle = people.known_person(identity)
        self._wait_for(circle.leads)
        return self._records(circle)

    def export(self, record: Record) -> Copy:
        current = self._read(record, Capability.EXPORT)
        return self._copy(record, current) if current else Copy(data=[])

    def rectify(self, record: Record, values: Mapping[str, str]) -> Mapping[str, str]:
        """What the record holds of these fields is replaced; what it does not hold is left alone."""
        written = validated(values)
        current = self._read(record, Capability.RECTIFY)
        if current is None:
            return {}
        return {name: as_text(value) for name, value in self._correct(record, current, written).items()}

    def erase(self, record: Record) -> None:
        self._wait_for(self._owners(record))
        self._remove(record, Capability.ERASE)

    def verify_absent(self, record: Record) -> bool:
        """The record is not there, and no look-up shows it any more."""
        if self._read(record, Capability.VERIFY) is not None:
            return False
        if self._is_found(record):
            raise asking.later_for_index()
        return True

    def restrict(self, record: Record, ground: Ground) -> None:
        """Nothing more is sent of the lead; of several an officer says whose the record is."""
        leads = self._owners(record)
        if len(leads) == 1:
            restriction.restrict(leads, ground)
        self._wait_for(leads)
        self._limit_processing(record, ground)

    # ------------------------------------------------------------ parts

    def _remove(self, record: Record, capability: Capability) -> None:
        """Raises Unsupported where it is still there after "not found": then the call itself is not."""
        if not self._delete(record, capability) and self._read(record, capability) is not None:
            raise Unsupported(capability)

    def _wait_for(self, leads: Collection[int]) -> None:
        """Raises RetryLater while a call of ours about these leads is under way."""
        if self._is_on_its_way(leads):
            raise asking.later_for_calls_under_way(self.on_its_way)

    def _owners(self, record: Record) -> list[int]:
        return list(Lead.objects.filter(**{self.reference: self._own_id(record)}).values_list("pk", flat=True))

    def _owner(self, record: Record) -> Lead | None:
        """The lead that the record is of, where it is one lead's."""
        owners = list(Lead.objects.filter(**{self.reference: self._own_id(record)})[:2])
        return owners[0] if len(owners) == 1 else None

    def _known_ids(self, circle: people.KnownPerson) -> list[str]:
        """The records we know of, by the leads and by what was handed over of them."""
        past = Handover.objects.filter(lead__in=circle.leads, system=self.name).exclude(external_id="")
        stored = [getattr(each.lead, self.reference) for each in circle.known]
        return list(dict.fromkeys(each for each in (*stored, *past.values_list("external_id", flat=True)) if each))

    def _shares(self, record: Record) -> Iterator[Share]:
        of_record = Disclosure.objects.filter(**{f"lead__{self.reference}": self._own_id(record)}, system=self.name)
        for each in of_record.order_by("occurred_at"):
            yield Share(self.label, tuple(each.fields), each.occurred_at)

    def _ask(
        self,
        capability: Capability,
        call: Callable[..., Answer],
        *arguments: Any,
        limit: tuple[str, str] | None = None,
    ) -> Answer:
        """`call(*arguments)` under `limit` (name, scope), or that of every delivery; see `asking.call_with_slot`."""
        self._configured(capability)
        delivery = self.vendor.delivery
        name, scope = limit or ((delivery.limit, delivery.scope()) if delivery else (None, ""))
        return asking.call_with_slot(
            self.vendor, lambda: call(*arguments), capability=capability, limit=name, scope=scope
        )

    def _configured(self, capability: Capability) -> None:
        if not self.vendor.has_key:
            raise Unsupported(capability)
