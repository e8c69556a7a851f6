"""What a pause says, one wording for banner, alerts, Connections and every refusal: why, and what happens next."""

from enrichment.models import ServiceHold
from enrichment.models.connection import ALONE, CLAY_CREATES, CLAY_ROWS, CLAY_TRIGGERS
from enrichment.vendors import registry
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.errors import Recovery

PAUSED = {
    CLAY_ROWS: "Creating rows in Clay",
    CLAY_CREATES: "Creating rows in Clay",
    CLAY_TRIGGERS: "Triggering enrichments in Clay",
}
UNANSWERED = {
    CLAY_CREATES: "Clay doesn't respond to new rows, but to other calls",
    CLAY_TRIGGERS: "Clay doesn't respond to enrichment triggers, but to other calls",
}
REASONS: dict[str, str] = {
    Recovery.PAUSE: "quota exhausted",
    Recovery.CREDITS: "credits exhausted",
    Recovery.REFRESH_KEY: "API key rejected",
    Recovery.CHECK_ADDRESS: "wrong address, table or location",
    Recovery.VENDOR_DOWN: "not responding",
    Recovery.TABLE_FULL: "the table accepts no more rows",
    Recovery.NO_SOURCE: "no source accepts rows",
}
# What goes on meanwhile, and what ends it.
OUTLOOKS: dict[str, str] = {
    Recovery.PAUSE: "Quotas reset automatically. Results in progress are still processed.",
    Recovery.CREDITS: (
        "Credits don't reset automatically. Buy credits or wait for the plan's renewal, then resume. Results in "
        "progress are still processed."
    ),
    Recovery.REFRESH_KEY: "Renew the key with the vendor and update it in our settings, then resume.",
    Recovery.CHECK_ADDRESS: "Correct it in our settings, then resume.",
    Recovery.VENDOR_DOWN: (
        "No leads fail because of this. We check periodically with one call and resume automatically when it responds."
    ),
    Recovery.TABLE_FULL: (
        "Leads without a row wait; all others continue. Create a new table to continue with the waiting ones."
    ),
    Recovery.NO_SOURCE: "Leads wait; results still come in. Add a source under Connections to continue.",
}
# Where rows go in by a webhook's token, and no key is ours.
SOURCE_REASON = "a source's token was rejected"
SOURCE_OUTLOOK = (
    "Copy the token from the webhook's settings in Clay and save it with the source under Connections. Leads then "
    "continue; results still come in."
)
ALONE_OUTLOOK = "Other calls to Clay continue. We retry periodically; no lead fails because of this within a day."
NEXT: dict[str, str] = {
    Recovery.VENDOR_DOWN: "Next check",
    Recovery.PAUSE: "Next try",
    Recovery.CREDITS: "Next try",
}


def name(hold: ServiceHold) -> str:
    """What is paused."""
    return PAUSED.get(hold.system) or registry.name_of(hold.system)


def reason(hold: ServiceHold) -> str:
    """Why, without a full stop; with what was seen where that says more."""
    vendor = registry.find(hold.system)
    reasons = REASONS | (dict(vendor.pause_reasons) if vendor else {})
    words = UNANSWERED.get(hold.system) or (SOURCE_REASON if is_token(hold) else reasons.get(hold.reason, hold.reason))
    seen = hold.message if hold.reason in (Recovery.VENDOR_DOWN, Recovery.TABLE_FULL) else ""
    return f"{words} ({seen})" if seen else words


def outlook(hold: ServiceHold) -> str:
    """What ends it, in sentences; "" for a reason we do not know."""
    if is_token(hold):
        return SOURCE_OUTLOOK
    return ALONE_OUTLOOK if hold.system in ALONE else OUTLOOKS.get(hold.reason, "")


def is_token(hold: ServiceHold) -> bool:
    """Whether what was rejected is the token of a source, as the connector in use has no key."""
    vendor = registry.find(hold.system)
    return vendor is not None and hold.reason == Recovery.REFRESH_KEY and Capability.RECEIVE_ROW in vendor.able


def next_step(hold: ServiceHold) -> str:
    """What happens at `until`, to stand before a time; "" where nothing happens by itself."""
    if not hold.until:
        return ""
    return "Next try" if hold.system in ALONE else NEXT.get(hold.reason, "Resumes automatically")


def sentence(hold: ServiceHold) -> str:
    """For a refusal: "Clay is paused: the quota is used up."."""
    return f"{name(hold)} is paused: {reason(hold)}."
