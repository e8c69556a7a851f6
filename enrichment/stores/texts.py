"""What a person does by hand where a system cannot do a step. Holds ids only."""

from gdpr.stores import Capability, Record

_BY_HAND: dict[str, dict[Capability, str]] = {
    "clay": {
        Capability.LOCATE: (
            "In Clay, search every table in the workspace for the person's LinkedIn URL, e-mails and "
            "phone. Note the IDs of any rows found, or that there are none. Attach a screenshot of the searches."
        ),
        Capability.ERASE: (
            "In Clay, open table {table}, find row {row} and delete it. Attach a screenshot of a search for the "
            "row ID that finds nothing."
        ),
        Capability.VERIFY: "In Clay, search table {table} for row {row}. Attach a screenshot that shows it is gone.",
        Capability.RECTIFY: (
            "In Clay, open table {table}, find row {row} and correct the values by hand. Attach a screenshot."
        ),
        Capability.EXPORT: "In Clay, open table {table}, export row {row} and attach the file.",
    },
    "ghl": {
        Capability.LOCATE: (
            "In GoHighLevel, search the contacts for the person's e-mails and phone, additional ones too. "
            "Note the IDs of any contacts found, or that there are none. Attach a screenshot."
        ),
        Capability.ERASE: (
            "In GoHighLevel, open contact {key} and delete it, then remove it from the deleted contacts. "
            "Attach a screenshot of the search that finds nothing."
        ),
        Capability.VERIFY: "In GoHighLevel, search for contact {key}. Attach a screenshot that shows it is gone.",
        Capability.RECTIFY: "In GoHighLevel, open contact {key} and correct the values by hand. Attach a screenshot.",
        Capability.EXPORT: "In GoHighLevel, open contact {key} and export it; attach the file.",
        Capability.RESTRICT: (
            "In GoHighLevel, open contact {key}, switch on Do Not Disturb for all channels and remove it from "
            "every workflow. Attach a screenshot."
        ),
        Capability.RELEASE: "In GoHighLevel, open contact {key} and switch off Do Not Disturb. Attach a screenshot.",
    },
    "instantly": {
        Capability.LOCATE: (
            "In Instantly, search all campaigns for each of the person's e-mails. Note any leads found, or that "
            "there are none. Attach a screenshot."
        ),
        Capability.ERASE: (
            "In Instantly, open lead {key} and delete it from its campaign. Attach a screenshot of the search "
            "that finds nothing."
        ),
        Capability.VERIFY: (
            "In Instantly, search for lead {key} in all campaigns. Attach a screenshot that shows it is gone."
        ),
        Capability.RECTIFY: (
            "In Instantly, open lead {key} and correct the values by hand; to change the e-mail, delete the "
            "lead and add it again. Attach a screenshot."
        ),
        Capability.EXPORT: "In Instantly, open lead {key} and export it; attach the file.",
        Capability.RESTRICT: "In Instantly, open lead {key} and remove it from its campaign. Attach a screenshot.",
        Capability.RELEASE: (
            "Lead {key} was removed from a campaign we don't manage. If the person may be contacted again, add "
            "them to that campaign in Instantly by hand. Attach a screenshot."
        ),
    },
    "mirror": {
        Capability.RECTIFY: (
            "This is not a lead but incoming data. Correct it at its source and send it again, then erase this record."
        ),
        Capability.RESTRICT: (
            "This is a file waiting to be imported. Cancel its import under Import, or remove the person's rows "
            "and upload it again."
        ),
        Capability.RELEASE: "This record was not restricted here, so there is nothing to lift.",
    },
}
_OTHERWISE = "Do this step by hand in the system for record {key}. Attach a screenshot of the result."


def instructions(store: str, capability: Capability, record: Record | None) -> str:
    """Two or three sentences; of `record` only its key is told."""
    key = record.key if record else "(every record found)"
    table, _, row = key.rpartition("/")
    return _BY_HAND[store].get(capability, _OTHERWISE).format(key=key, table=table, row=row)
