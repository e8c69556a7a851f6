"""The calls to Clay, and the limits they fall under."""

from typing import Final

from enrichment.vendors.calls import Call

LIST_TABLES: Final = Call("list_tables", reads=True, repeatable=True)
CREATE_TABLE: Final = Call("create_table")
CREATE_ROWS: Final = Call("create_rows", "clay.rows")
GET_ROW: Final = Call("get_row", reads=True, repeatable=True)
UPDATE_ROW: Final = Call("update_row", "clay.updates", repeatable=True)
UPDATE_ROWS: Final = Call("update_rows", "clay.updates", repeatable=True)
DELETE_ROW: Final = Call("delete_row", "clay.updates", repeatable=True)  # assumed: a deletion is an update
SEARCH_ROWS: Final = Call("search_rows", reads=True, repeatable=True)
TRIGGER: Final = Call("trigger_enrichment", "clay.triggers")
# ten an hour: never repeated by itself
EXPORT: Final = Call("export_rows", "clay.exports", repeatable=True, looks=True)
PROBE: Final = Call("probe", reads=True, repeatable=True, once=True)
CREATE_WEBHOOK: Final = Call("create_webhook")
