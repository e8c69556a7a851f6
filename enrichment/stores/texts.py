"""What a person does by hand where a system cannot do a step. Holds ids only."""

from collections.abc import Mapping

from gdpr.stores import Capability, Record

MIRROR = {
    Capability.RECTIFY: (
        "This is not a lead but incoming data. Correct it at its source and send it again, then erase this record."
    ),
    Capability.RESTRICT: (
        "This is a file waiting to be imported. Cancel its import under Import, or remove the person's rows "
        "and upload it again."
    ),
    Capability.RELEASE: "This record was not restricted here, so there is nothing to lift.",
}
_OTHERWISE = "Do this step by hand in the system for record {key}. Attach a screenshot of the result."


def instructions(by_hand: Mapping[Capability, str], capability: Capability, record: Record | None) -> str:
    """Two or three sentences; of `record` only its key is told."""
    key = record.key if record else "(every record found)"
    table, _, row = key.rpartition("/")
    return by_hand.get(capability, _OTHERWISE).format(key=key, table=table, row=row)
