"""What of a person is kept for hours in Redis: words that somebody searched for."""

from django.core.cache import cache

from enrichment.leads.searches import KEPT_PATTERN
from enrichment.models import Lead
from enrichment.stores.people import emails_of
from enrichment.vendors import limiter

SCANNED_AT_ONCE = 1_000


def forget(lead: Lead) -> int:
    """Delete every kept search for the lead's name, addresses, phone or profile; returns how many."""
    given = [each.casefold() for each in (lead.first_name, lead.last_name) if each]
    slug = lead.linkedin_url.rpartition("/")[2]
    single = {*emails_of(lead), lead.phone, slug.casefold()} - {""}
    gone = 0
    connection = limiter.connection()
    for name in connection.scan_iter(match=cache.make_key(KEPT_PATTERN), count=SCANNED_AT_ONCE):
        key = name.decode().rpartition(":search:")[2]
        words = cache.get(f"search:{key}")
        if not isinstance(words, str):
            continue
        low = words.casefold()
        if any(each in low for each in single) or (len(given) > 1 and all(each in low for each in given)):
            gone += bool(cache.delete(f"search:{key}"))
    return gone
