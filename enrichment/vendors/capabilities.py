"""What can be asked of a vendor, as data: a connector that lacks one is told apart before it is called."""

from enum import StrEnum


class Capability(StrEnum):
    """`CREATE` a record, `TRIGGER` its enrichment, `FETCH` one by its id, `SEARCH` by a value, `EXPORT` all in pages.

    `SKIP_PROVIDER`: a trigger can leave out data providers. `REPORT_COST`: an answer says what an enrichment cost.
    `RECEIVE_ROW`: an enriched record is posted to us whole. `POLL`: whether an enrichment is over can be asked.
    Where nothing can be triggered, creating a record enriches it.
    """

    CREATE = "create"
    TRIGGER = "trigger"
    FETCH = "fetch"
    SEARCH = "search"
    UPDATE = "update"
    DELETE = "delete"
    EXPORT = "export"
    SKIP_PROVIDER = "skip_provider"
    REPORT_COST = "report_cost"
    RECEIVE_ROW = "receive_row"
    POLL = "poll"
