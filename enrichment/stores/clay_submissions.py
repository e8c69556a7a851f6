"""Rows in Clay that no call can reach: what our own books tell of them, a record for each.

A row that went in through a table's webhook is known by its run's reference. A row of the rows API is known by its
lead, when another connector is in use by now.
"""

from collections.abc import Collection, Iterable, Mapping

from django.db.models import Q

from enrichment.models import Attempt, ClayRun, ClaySource, Connection, Drift, Lead
from enrichment.states import AttemptStatus
from enrichment.stores import people
from enrichment.vendors.clay import row_keys
from enrichment.vendors.clay.table import clay_table
from gdpr.stores import Record

STORE = "clay"
WORKFLOW = "workflow:"  # a routine that may write rows, unlike a function
# What Clay refused, or what was not sent yet, made no row.
NEVER_SENT = Q(status=AttemptStatus.INTENDED) | Q(status=AttemptStatus.ABANDONED, triggered_at=None)


def keys_of_leads(leads: Collection[int]) -> dict[int, list[str]]:
    """{lead: keys of the rows that its runs made}, oldest first."""
    keys: dict[int, list[str]] = {}
    sent = Attempt.objects.filter(lead__in=leads, run=None).exclude(reference="").exclude(NEVER_SENT)
    for lead, source, reference in sent.order_by("pk").values_list("lead", "source", "reference"):
        keys.setdefault(lead, []).append(row_keys.of_submission(source, reference))
    return keys


def submissions(circle: people.KnownPerson) -> list[Record]:
    return _records(circle, keys_of_leads(list(circle.leads)))


def unread_rows(circle: people.KnownPerson) -> list[Record]:
    """Rows of the rows API that the leads name, and the duplicates that a comparison found, none of them read."""
    keys: dict[int, list[str]] = {}
    for each in circle.known:
        table = each.lead.clay_table_id or clay_table()
        if table and each.lead.clay_row_id:
            keys.setdefault(each.lead.pk, []).append(row_keys.of_row(table, each.lead.clay_row_id))
    drift = Drift.objects.filter(lead__in=circle.leads).exclude(row_id="").exclude(table_id="")
    for lead, table, row in drift.order_by("pk").values_list("lead", "table_id", "row_id"):
        keys.setdefault(lead, []).append(row_keys.of_row(table, row))
    return _records(circle, keys)


def _records(circle: people.KnownPerson, keys: Mapping[int, Iterable[str]]) -> list[Record]:
    """`keys`: {lead: keys of its rows}. What a row holds nobody has read: the lead tells whose it is."""
    return [
        Record(
            STORE,
            key,
            each.matched,
            each.sure,
            people.summary_of(each.lead),
            people.fingerprint({"key": key}),
            circle.own(each.lead.linkedin_url, (each.lead.email_work, each.lead.email_personal), each.lead.phone),
            (row_keys.reference_of(key),) if row_keys.is_submission(key) else (),
        )
        for each in circle.known
        for key in dict.fromkeys(keys.get(each.lead.pk, ()))
    ]


def owners(key: str) -> list[int]:
    """The lead whose run made the row, if there still is one."""
    found = Attempt.objects.filter(reference=row_keys.reference_of(key), lead__isnull=False)
    return [lead for lead in found.values_list("lead_id", flat=True) if lead]


def may_be_in_a_table(*, api_is_searched: bool) -> bool:
    """Whether a table of the workspace can hold people of ours that no call finds."""
    if ClaySource.objects.exists() or ClayRun.objects.filter(routine_id__startswith=WORKFLOW).exists():
        return True
    if Connection.objects.filter(system=STORE, routine_id__startswith=WORKFLOW).exists():
        return True
    return not api_is_searched and (bool(clay_table()) or Lead.objects.exclude(clay_table_id="").exists())
