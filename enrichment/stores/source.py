"""The leads as the standing duties see them: how long they may be kept, who has been told, who they all are."""

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.db import models, transaction
from django.db.models import Count, Exists, OuterRef, Value
from django.db.models.functions import Cast, Concat, Least, TruncDate
from django.utils import timezone

from enrichment.labels import field_labels
from enrichment.models import Handover, Lead
from enrichment.models.handover import NOTICE_OUTSTANDING
from enrichment.models.lead_queries import LeadQuerySet
from enrichment.models.notice_due import NoticeDue
from enrichment.states import HandoverStatus
from enrichment.stores import clay_submissions
from enrichment.stores.mirror import LEAD
from enrichment.vendors.clay import row_keys
from gdpr.data_subjects import RetainedRecord, UnnotifiedPerson
from gdpr.identity import Identity
from gdpr.models import Notice, Purge
from gdpr.states import PurgeStatus
from gdpr.stores import Record

STORE = "mirror"
_REFERENCES = (
    "retention_until", "clay_row_id", "clay_table_id", "ghl_contact_id", "instantly_lead_id",
    "linkedin_url", "email_work", "email_personal", "phone",
)  # fmt: skip
# What a notice names (Art. 14(1)(d)): the fields that are filled, as people call them.
_CATEGORIES = (
    "first_name", "last_name", "title", "company_name", "email_work", "email_personal", "phone", "company_location",
)  # fmt: skip


class LeadSource:
    store = STORE

    def retained_record(self, key: str) -> RetainedRecord | None:
        lead = Lead.objects.filter(pk=_pk(key)).only(*_REFERENCES).first()
        return _retained_records([lead])[0] if lead else None

    def expiring(self, until: datetime.datetime, *, limit: int) -> Sequence[RetainedRecord]:
        open_purges = Purge.objects.filter(store=STORE, key=OuterRef("record_key")).exclude(status=PurgeStatus.DONE)
        key = Concat(Value(f"{LEAD}:"), Cast("id", models.CharField()))
        ended = Lead.objects.filter(retention_until__lte=until).alias(record_key=key).exclude(Exists(open_purges))
        return _retained_records(list(ended.only(*_REFERENCES).order_by("retention_until", "id")[:limit]))

    def expiring_by_day(self, since: datetime.datetime, until: datetime.datetime) -> Mapping[datetime.date, int]:
        ending = Lead.objects.filter(retention_until__gt=since, retention_until__lte=until)
        days = ending.annotate(day=TruncDate("retention_until", tzinfo=datetime.UTC)).values("day")
        return dict(days.annotate(count=Count("pk")).order_by("day").values_list("day", "count"))

    def everyone(self, size: int) -> Iterator[Sequence[tuple[RetainedRecord, Identity]]]:
        last = 0
        while leads := list(Lead.objects.filter(pk__gt=last).only(*_REFERENCES).order_by("pk")[:size]):
            yield list(zip(_retained_records(leads), (lead.identity for lead in leads), strict=True))
            last = leads[-1].pk

    def unnotified(self, *, limit: int) -> Sequence[UnnotifiedPerson]:
        return [_unnotified(lead) for lead in _by_due(_untold())[:limit]]

    def count_unnotified(self) -> int:
        return _untold().count()

    def count_late(self, *, collected_before: datetime.datetime, used_before: datetime.datetime) -> int:
        by_age = _untold().filter(scraped_at__lt=collected_before)
        by_use = _untold().filter(scraped_at__gte=collected_before, first_disclosed_at__lt=used_before)
        return by_age.count() + by_use.count()  # apart, each along its index

    def reachable(self, *, after: str, limit: int) -> tuple[Sequence[UnnotifiedPerson], str]:
        found = _by_due(_with_address(_untold()))
        if after:
            at, _, pk = after.partition("/")
            found = found.filter(notice_due__gte=at).exclude(notice_due=at, id__lte=int(pk))
        leads = list(found[:limit])
        people = [_unnotified(lead) for lead in leads]
        # Asked of this page's keys, not joined: a join is as slow as the planner's idea of the queue is old.
        keys = [person.key for person in people]
        under_way = set(Notice.objects.filter(store=STORE, key__in=keys).values_list("key", flat=True))
        mark = f"{leads[-1].notice_due.isoformat()}/{leads[-1].pk}" if len(leads) == limit else ""
        return [person for person in people if person.key not in under_way], mark

    def count_reachable(self) -> int:
        under_way = Notice.objects.filter(store=STORE).exclude(key="").count()
        return max(0, _with_address(_untold()).count() - under_way)

    def recipient(self, key: str) -> UnnotifiedPerson | None:
        lead = _untold().filter(pk=_pk(key)).defer("raw", "search").first()
        return _unnotified(lead) if lead else None

    def mark_notified(self, keys: Sequence[str], at: datetime.datetime) -> None:
        """And what waited for the notice may be delivered now."""
        ids = [_pk(key) for key in keys]
        leads = Lead.objects.filter(pk__in=ids, notified_at=None)
        with transaction.atomic():
            leads.lock()
            leads.update(notified_at=at, updated_at=timezone.now())
            held = (HandoverStatus.PLANNED, HandoverStatus.UNKNOWN)
            waiting = Handover.objects.filter(lead__in=ids, status__in=held, error_kind=NOTICE_OUTSTANDING)
            waiting.update(not_before=Least("not_before", Value(at)), error_kind="")


def _pk(key: str) -> int:
    return int(key.partition(":")[2])


def _untold() -> LeadQuerySet:
    return Lead.objects.filter(notified_at=None, restriction="")  # whoever is restricted is not written to


def _with_address(leads: LeadQuerySet) -> LeadQuerySet:
    return leads.exclude(email_work="", email_personal="")


def _by_due(leads: LeadQuerySet) -> Any:
    """Whoever has to be told first first, in the order of the index; with `notice_due`."""
    ordered: Any = leads.annotate(notice_due=NoticeDue("scraped_at", "first_disclosed_at"))
    return ordered.order_by("notice_due", "id").defer("raw", "search")


def _retained_records(leads: Sequence[Lead]) -> list[RetainedRecord]:
    submitted = clay_submissions.keys_of_leads([lead.pk for lead in leads])
    return [_retained_record(lead, submitted.get(lead.pk, ())) for lead in leads]


def _retained_record(lead: Lead, submitted: Iterable[str]) -> RetainedRecord:
    elsewhere = [Record("clay", key, identity=lead.identity) for key in submitted]
    if lead.clay_row_id:
        key = row_keys.of_row(lead.clay_table_id, lead.clay_row_id)
        elsewhere.append(Record("clay", key, identity=lead.identity))
    if lead.ghl_contact_id:
        elsewhere.append(Record("ghl", lead.ghl_contact_id, identity=lead.identity))
    if lead.instantly_lead_id:
        elsewhere.append(Record("instantly", lead.instantly_lead_id, identity=lead.identity))
    return RetainedRecord(
        Record(STORE, f"{LEAD}:{lead.pk}", identity=lead.identity), lead.retention_until, tuple(elsewhere)
    )


def _unnotified(lead: Lead) -> UnnotifiedPerson:
    facts = {
        "first_name": lead.first_name,
        "source": lead.source_name,
        "collected_on": f"{lead.scraped_at:%-d %B %Y}",
        "fields": field_labels([name for name in _CATEGORIES if getattr(lead, name)]),
    }
    return UnnotifiedPerson(f"{LEAD}:{lead.pk}", lead.scraped_at, lead.first_disclosed_at, lead.email, facts)
