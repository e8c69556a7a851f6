"""What a person does by hand where a system cannot do a step. Holds ids only."""

from gdpr.stores import Capability, Record

_BY_HAND: dict[str, dict[Capability, str]] = {
    "clay": {
        Capability.LOCATE: (
            "In Clay, search every table of the workspace for the person's LinkedIn address, e-mails and "
            "phone. Note the ids of the rows found, or that there is none, and attach a screenshot of the "
            "searches."
        ),
        Capability.ERASE: (
            "In Clay, open table {table}, find row {row} and delete it. Attach a screenshot of a search for "
            "the row's id that finds nothing."
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
            "Note the ids of the contacts found, or that there is none, and attach a screenshot."
        ),
        Capability.ERASE: (
            "In GoHighLevel, open contact {key} and delete it, then empty it from the deleted contacts. "
            "Attach a screenshot of the search that finds nothing."
        ),
        Capability.VERIFY: "In GoHighLevel, search for contact {key}. Attach a screenshot that shows it is gone.",
        Capability.RECTIFY: "In GoHighLevel, open contact {key} and correct the values by hand. Attach a screenshot.",
        Capability.EXPORT: "In GoHighLevel, open contact {key} and export it; attach the file.",
        Capability.RESTRICT: (
            "In GoHighLevel, open contact {key}, switch on Do Not Disturb for all channels and take it out of "
            "every workflow. Attach a screenshot."
        ),
        Capability.RELEASE: "In GoHighLevel, open contact {key} and switch off Do Not Disturb. Attach a screenshot.",
    },
    "instantly": {
        Capability.LOCATE: (
            "In Instantly, search all campaigns for each e-mail of the person. Note the leads found, or that "
            "there is none, and attach a screenshot."
        ),
        Capability.ERASE: (
            "In Instantly, open lead {key} and delete it from its campaign. Attach a screenshot of the search "
            "that finds nothing."
        ),
        Capability.VERIFY: (
            "In Instantly, search for lead {key} in all campaigns. Attach a screenshot that shows it is gone."
        ),
        Capability.RECTIFY: (
            "In Instantly, open lead {key} and correct the values by hand; for another e-mail, delete the "
            "lead and add it anew. Attach a screenshot."
        ),
        Capability.EXPORT: "In Instantly, open lead {key} and export it; attach the file.",
        Capability.RESTRICT: "In Instantly, open lead {key} and remove it from its campaign. Attach a screenshot.",
        Capability.RELEASE: (
            "The lead {key} was removed from a campaign that is not ours to fill. If the person may be "
            "written to again, add them to that campaign in Instantly by hand, and attach a screenshot."
        ),
    },
    "mirror": {
        Capability.RECTIFY: (
            "This is no lead but what came in from outside. Correct it where it came from and send it again; "
            "then erase this record."
        ),
        Capability.RESTRICT: (
            "This is a file that waits to be imported. Cancel its import on the Imports screen, or take the "
            "person's rows out of the file and upload it again."
        ),
        Capability.RELEASE: "Nothing of this record was restricted here; nothing has to be lifted.",
    },
}
_OTHERWISE = (
    "Do this step by hand in the system itself for record {key}. Attach a screenshot of what you see when it is done."
)


def instructions(store: str, capability: Capability, record: Record | None) -> str:
    """Two or three sentences; of `record` only its key is told."""
    key = record.key if record else "(every record found)"
    table, _, row = key.rpartition("/")
    return _BY_HAND[store].get(capability, _OTHERWISE).format(key=key, table=table, row=row)
