"""What every vendor's store has from its record."""

import dataclasses

import pytest

from enrichment.stores.clay import ClayStore
from enrichment.stores.ghl import GoHighLevelStore
from enrichment.stores.instantly import InstantlyStore
from enrichment.stores.vendor_store import VendorStore
from enrichment.vendors.capabilities import Capability as Can
from gdpr.stores import Capability, Record, Unsupported

STORES = (ClayStore, GoHighLevelStore, InstantlyStore)


@pytest.mark.parametrize("make", STORES)
def test_name_label_and_instructions_are_the_record_s(make: type[VendorStore]) -> None:
    store = make()
    assert (store.name, store.label) == (store.vendor.slug, store.vendor.name)
    told = store.instructions(Capability.ERASE, Record(store.name, "t1/r1"))
    assert f"In {store.vendor.name}" in told
    assert "r1" in told
    by_itself = "by hand in the system for" in store.instructions(Capability.RESTRICT, None)
    assert by_itself == (Capability.RESTRICT not in store.vendor.by_hand)


@pytest.mark.parametrize("make", STORES)
def test_what_the_vendor_has_no_call_for_is_a_person_s(make: type[VendorStore], settings: object, db: None) -> None:
    store = make()
    setattr(settings, store.vendor.key_setting, "key")
    assert store.capabilities() == set(Capability)
    store.vendor = dataclasses.replace(
        store.vendor, capabilities=frozenset({Can.FETCH, Can.CREATE}), capabilities_now=None
    )
    assert set(Capability) - store.capabilities() == {Capability.LOCATE, Capability.RECTIFY, Capability.ERASE}
    store.vendor = dataclasses.replace(
        store.vendor, capabilities=frozenset({Can.EXPORT, Can.FETCH}), capabilities_now=None
    )
    assert Capability.LOCATE in store.capabilities()


@pytest.mark.parametrize("make", STORES)
def test_without_a_key_every_step_is_a_person_s(make: type[VendorStore], settings: object, db: None) -> None:
    store = make()
    setattr(settings, store.vendor.key_setting, " ")
    assert store.capabilities() == set()
    with pytest.raises(Unsupported):
        store.export(Record(store.name, "t1/r1"))
