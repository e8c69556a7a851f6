"""Clay as a store: the rows of our tables, those the mirror does not know included.

What the connector in use has no call for is a person's; what earlier connectors left there is remembered.
"""

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.db import transaction

from enrichment.drift.differences import identity_in, url_of
from enrichment.labels import provider_name
from enrichment.models import Drift, Lead
from enrichment.pipeline import clay_scores
from enrichment.pipeline.provenance import provider_answers
from enrichment.stores import clay_by_hand, clay_export, clay_runs, clay_submissions, people, restriction
from enrichment.stores.mirror_tables import forget_row
from enrichment.stores.vendor_store import VendorStore
from enrichment.vendors.capabilities import Capability as Can
from enrichment.vendors.clay import row_keys
from enrichment.vendors.clay.record import CLAY
from enrichment.vendors.clay.table import clay_table
from enrichment.vendors.clay.wire import COLUMN_NAMES, ClayRow
from enrichment.vendors.connections import clay
from enrichment.vendors.errors import NotFound, Recovery
from enrichment.vendors.lead_values import as_text
from gdpr.identity import Identity
from gdpr.stores import Capability, Copy, Datum, Ground, Record, SearchIncomplete, Statement, Unsupported

UPDATES = "clay.updates"
PAGE = 100  # rows of one search
# What runs, write-backs and formulas change: nothing about the person is different then.
_VOLATILE = {
    "enrichment_status", "enriched_at", "provenance", "icp_score", "icp_tier", "ghl_contact_id", "instantly_lead_id",
}  # fmt: skip
_COMPUTED = {"icp_score", "icp_tier"}
# What needs no call to Clay: looking into our own books, and stopping our own triggers.
_OURS = frozenset({Capability.LOCATE, Capability.RESTRICT, Capability.RELEASE})
_IN_A_TABLE = (Capability.EXPORT, Capability.RECTIFY, Capability.ERASE)  # what is done with a row that is found


class ClayStore(VendorStore[ClayRow]):
    """A key is "table/row", of of a row without an id see `row_keys`. Restricting stops nothing there but our own
    triggers: Clay does nothing by itself.
    """

    vendor = CLAY
    reference = "clay_row_id"
    order = 10
    on_its_way = "A batch with this lead"

    def capabilities(self) -> frozenset[Capability]:
        """Where Clay has no calls for rows at all, our own books do not need a key."""
        if Can.FETCH in self.vendor.able:
            return super().capabilities()
        return super().capabilities() | _OURS

    def capabilities_for(self, record: Record) -> frozenset[Capability]:
        """Of a row that no call can reach only what needs none."""
        by_hand = "by hand" in record.matched and _parts(record)[0] not in tables()
        return _OURS if by_hand or row_keys.is_submission(record.key) else self.capabilities()

    def instructions(self, capability: Capability, record: Record | None) -> str:
        return clay_by_hand.instructions(capability, record)

    def statements(self, identity: Identity) -> Sequence[Statement]:
        return clay_runs.statements(people.known_person(identity))

    def _own_id(self, record: Record) -> str:
        return _parts(record)[1]

    def _owners(self, record: Record) -> list[int]:
        if row_keys.is_submission(record.key):
            return clay_submissions.owners(record.key)
        return super()._owners(record)

    def _is_on_its_way(self, leads: Collection[int]) -> bool:
        return restriction.being_sent_to_clay(leads)

    # ------------------------------------------------------------ finding

    def locate(self, identity: Identity) -> Sequence[Record]:
        if Capability.LOCATE not in self.capabilities():
            raise Unsupported(Capability.LOCATE)
        circle = people.known_person(identity)
        self._wait_for(circle.leads)
        return self._records(circle)

    def _records(self, circle: people.KnownPerson) -> Sequence[Record]:
        """By call where there are calls, by our own books, and the rest by hand."""
        is_searched = True
        try:
            rows = self._found_rows(circle)
        except Unsupported:
            rows, is_searched = clay_submissions.unread_rows(circle), False
        records = [*rows, *clay_submissions.submissions(circle)]
        if clay_submissions.may_be_in_a_table(api_is_searched=is_searched):
            raise SearchIncomplete(records, _IN_A_TABLE)
        return records

    def _found_rows(self, circle: people.KnownPerson) -> list[Record]:
        """By the rows we know, then by search in every table; by export where Clay has no search (D14)."""
        if Can.FETCH not in self.vendor.able:
            raise Unsupported(Capability.LOCATE)
        rows = dict(self._known_rows(circle))
        try:
            rows |= dict(self._searched(circle))
        except Unsupported:
            rows |= dict(self._exported(circle))
        records = [self._record(table, row, circle) for (table, _), row in rows.items()]
        people_found = {record.summary.get("linkedin_url") for record in records if record.sure}
        if len(people_found - {None}) > 1 and not circle.own_urls:  # one address, and several profiles under it
            records = [dataclasses.replace(record, sure=False) for record in records]
        return records

    def _known_rows(self, circle: people.KnownPerson) -> Iterator[tuple[tuple[str, str], ClayRow]]:
        """Read by their ids: a search may not know them yet."""
        for table, row_id in _row_ids(circle):
            if row := self._row(table, row_id, Capability.LOCATE):
                yield (table, row.id), row

    def _searched(self, circle: people.KnownPerson) -> Iterator[tuple[tuple[str, str], ClayRow]]:
        for table in self._tables():
            for query in _queries(circle):
                cursor: str | None = None
                while True:
                    page = self._search(table, query, cursor)
                    for row in page.rows:
                        yield (table, row.id), row
                    cursor = page.next_cursor
                    if cursor is None:
                        break

    def _tables(self) -> list[str]:
        """Those of ours that are still there: to ask for one that is gone would look like a wrong address."""
        listed = {table.id for table in self._ask(Capability.LOCATE, lambda: clay().list_tables())}
        return [table for table in tables() if table in listed or table == clay_table()]

    def _search(self, table: str, query: Mapping[str, str], cursor: str | None = None) -> Any:
        return self._ask(Capability.LOCATE, lambda: clay().search_rows(table, query, limit=PAGE, cursor=cursor))

    def _exported(self, circle: people.KnownPerson) -> Iterator[tuple[tuple[str, str], ClayRow]]:
        """Raises RetryLater while exports are to come; the rows found are read again as they are now."""
        for table, row_id in clay_export.rows_about(circle, self._tables(), self._export_page):
            if row := self._row(table, row_id, Capability.LOCATE):
                yield (table, row.id), row

    def _export_page(self, table: str, cursor: str | None) -> Any:
        return self._ask(
            Capability.LOCATE,
            lambda: clay().export_rows(table, limit=clay_export.PAGE, cursor=cursor),
            limit=("clay.exports", clay().workspace_id),
        )

    def _record(self, table: str, row: ClayRow, circle: people.KnownPerson) -> Record:
        identity = identity_in(row)
        owner = Lead.objects.filter(clay_row_id=row.id).values_list("pk", flat=True).first()
        anothers = bool(identity.linkedin_url and circle.own_urls) and identity.linkedin_url not in circle.own_urls
        vouched = circle.vouches([owner] if owner else [], identity.emails)
        return Record(
            self.name,
            f"{table}/{row.id}",
            circle.kinds(urls=[identity.linkedin_url], emails=identity.emails, phones=[identity.phone])
            or (people.URL,),
            identity.linkedin_url in circle.own_urls or (vouched and not anothers),
            _summary(row),
            people.fingerprint({k: v for k, v in row.values.items() if k in COLUMN_NAMES - _VOLATILE}),
            circle.own(identity.linkedin_url, identity.emails, identity.phone),
        )

    # ------------------------------------------------------------ telling, correcting

    def _copy(self, record: Record, found: ClayRow) -> Copy:
        return Copy(data=list(_data(found)))

    def _correct(self, record: Record, found: ClayRow, written: dict[str, Any]) -> Mapping[str, Any]:
        """Fields that Clay's table has no column for are not held there (D6)."""
        held = {name: value for name, value in written.items() if name in COLUMN_NAMES - _COMPUTED}
        if not held:
            return {}
        table, row_id = _parts(record)
        answered = self._ask(
            Capability.RECTIFY,
            lambda: clay().update_row(table, row_id, {name: _sent_value(value) for name, value in held.items()}),
            limit=(UPDATES, table),
        )
        with transaction.atomic():
            clay_scores.note_rewritten(dict.fromkeys(self._owners(record), answered.values if answered else None))
        return {name: found.values.get(name) for name in held}

    # ------------------------------------------------------------ erasing

    def erase(self, record: Record) -> None:
        super().erase(record)  # which waits for what is on its way, and raises Unsupported for a person's
        forget_row([self._own_id(record)])

    def _delete(self, record: Record, capability: Capability) -> bool:
        self._check_reachable(record, capability)
        table, row_id = _parts(record)
        return self._ask(capability, lambda: clay().delete_row(table, row_id), limit=(UPDATES, table))

    def _is_found(self, record: Record) -> bool:
        table, row_id = _parts(record)
        url = record.identity.linkedin_url or _url_of_owner(row_id)
        if not url:
            return False
        try:
            page = self._search(table, {"linkedin_url": url})
        except Unsupported:
            return False  # Clay has no search: the row itself was asked for before
        return any(row.id == row_id for row in page.rows)

    # ------------------------------------------------------------ keeping only

    def _limit_processing(self, record: Record, ground: Ground) -> None:
        """Nothing is done there without us."""

    def release(self, record: Record, ground: Ground) -> None:
        """Nothing was changed there; the mirror lets the lead's triggers go again."""

    # ------------------------------------------------------------ calls

    def _read(self, record: Record, capability: Capability) -> ClayRow | None:
        self._check_reachable(record, capability)
        return self._row(*_parts(record), capability)

    def _check_reachable(self, record: Record, capability: Capability) -> None:
        if capability not in self.capabilities_for(record):
            raise Unsupported(capability)

    def _row(self, table: str, row_id: str, capability: Capability) -> ClayRow | None:
        """None only where Clay itself says that there is no such row."""
        try:
            return self._ask(capability, lambda: clay().get_row(table, row_id))
        except NotFound as error:
            if error.recovery is not Recovery.UNENRICHABLE:
                raise
            return None


def tables() -> list[str]:
    """The table that takes new rows, and every other one that a lead or drift names."""
    named = {clay_table(), *Lead.objects.order_by().values_list("clay_table_id", flat=True).distinct()}
    named |= set(Drift.objects.order_by().values_list("table_id", flat=True).distinct())
    return sorted(named - {""})


def _queries(circle: people.KnownPerson) -> Iterator[dict[str, str]]:
    """A search compares a column's whole value, so each spelling we know of is asked for."""
    for url in circle.urls:
        for spelling in (url, f"{url}/"):
            yield {"linkedin_url": spelling}
    stored = {email for each in circle.known for email in (each.lead.email_work, each.lead.email_personal)}
    for email in dict.fromkeys([*circle.addresses, *sorted(stored - {""})]):
        yield {"email_work": email}
        yield {"email_personal": email}
    for phone in circle.phones:
        yield {"phone": phone}


def _row_ids(circle: people.KnownPerson) -> list[tuple[str, str]]:
    """(table, row) of the leads and of the duplicates that a comparison found."""
    pairs = [(each.lead.clay_table_id or clay_table(), each.lead.clay_row_id or "") for each in circle.known]
    drift = Drift.objects.filter(lead__in=circle.leads).exclude(row_id="").exclude(table_id="")
    return list(dict.fromkeys(pair for pair in [*pairs, *drift.values_list("table_id", "row_id")] if all(pair)))


def _parts(record: Record) -> tuple[str, str]:
    table, _, row_id = record.key.rpartition("/")
    return table, row_id


def _url_of_owner(row_id: str) -> str:
    return Lead.objects.filter(clay_row_id=row_id).values_list("linkedin_url", flat=True).first() or ""


def _sent_value(value: Any) -> Any:
    return None if value in ("", []) else value


def _summary(row: ClayRow) -> dict[str, str]:
    name = f"{as_text(row.values.get('first_name'))} {as_text(row.values.get('last_name'))}".strip()
    summary = {"name": name, "company": as_text(row.values.get("company_name")), "linkedin_url": url_of(row)}
    summary |= {each: as_text(row.values.get(each)) for each in ("email_work", "email_personal", "phone")}
    return {key: value for key, value in summary.items() if value}


def _data(row: ClayRow) -> Iterable[Datum]:
    suppliers = {field: supply for supply in provider_answers(row.raw, {}) for field in supply.fields}
    for name, value in row.raw.items():
        if value in ("", None, [], {}):
            continue
        supply = suppliers.get(name)
        yield Datum(name, value, provider_name(supply.provider) if supply else "Clay", supply.at if supply else None)
