"""A source of people and plain stores of the tests' own: what retention, notices and the replay work on."""

import datetime

from django.utils import timezone

from gdpr.data_subjects import RetainedRecord, UnnotifiedPerson
from gdpr.identity import Identity
from gdpr.models import Notice, Purge
from gdpr.states import PurgeStatus
from gdpr.stores import Capability, Record

DAY = datetime.timedelta(days=1)


class SimpleStore:
    """A store whose records are a set of keys."""

    recoverable_days = 0

    def __init__(self, name, order, keys=()):
        self.name, self.label, self.order, self.is_recipient = name, name.title(), order, order < 90
        self.keys = set(keys)
        self.fault = None
        self.deaf = False

    def capabilities(self):
        return frozenset(Capability)

    def erase(self, record):
        if self.fault:
            raise self.fault
        if not self.deaf:
            self.keys.discard(record.key)

    def verify_absent(self, record):
        return record.key not in self.keys

    def instructions(self, capability, record):
        return f"Remove {record.key} by hand."


class FakeSource:
    """A source of people with a record at home and one outside."""

    store = "home"

    def __init__(self, home):
        self.home = home
        self.until = {}
        self.told = {}
        self.mails = {}
        self.used = {}

    def add(self, key, *, until=None, collected=None, used=None, mail=""):
        self.used[key] = used
        self.home.keys.add(key)
        self.until[key] = until or timezone.now() + 400 * DAY
        self.mails[key] = (collected or timezone.now(), mail)

    def _kept(self, key):
        return RetainedRecord(Record("home", key), self.until[key], (Record("crm", f"c{key}"),))

    def retained_record(self, key):
        return self._kept(key) if key in self.home.keys else None

    def expiring(self, until, *, limit):
        open_keys = set(Purge.objects.exclude(status=PurgeStatus.DONE).values_list("key", flat=True))
        ended = [key for key, end in sorted(self.until.items()) if end <= until and key in self.home.keys]
        return [self._kept(key) for key in ended if key not in open_keys][:limit]

    def expiring_by_day(self, since, until):
        days = [end.date() for end in self.until.values() if since < end <= until]
        return {day: days.count(day) for day in days}

    def everyone(self, size):
        yield [(self._kept(key), Identity(emails=(self.mails[key][1],))) for key in sorted(self.home.keys)]

    def _person(self, key):
        collected, mail = self.mails[key]
        return UnnotifiedPerson(
            key, collected, self.used.get(key), mail, {"first_name": "Ada\nBcc: x", "source": "Fair", "fields": "name"}
        )

    def unnotified(self, *, limit):
        found = [key for key in sorted(self.mails) if key not in self.told and key in self.home.keys]
        return [self._person(key) for key in found][:limit]

    def count_unnotified(self):
        return len(self.unnotified(limit=10**6))

    def count_late(self, *, collected_before, used_before):
        found = self.unnotified(limit=10**6)
        return sum(
            o.collected_at < collected_before or bool(o.first_use_at and o.first_use_at < used_before) for o in found
        )

    def reachable(self, *, after, limit):
        under_way = set(Notice.objects.exclude(key="").values_list("key", flat=True))
        found = [o for o in self.unnotified(limit=10**6) if o.email and o.key not in under_way]
        page = [o for o in found if o.key > after][:limit]
        return page, page[-1].key if len(page) == limit else ""

    def count_reachable(self):
        return len(self.reachable(after="", limit=10**6)[0])

    def recipient(self, key):
        return None if key in self.told or key not in self.home.keys else self._person(key)

    def mark_notified(self, keys, at):
        self.told |= dict.fromkeys(keys, at)
