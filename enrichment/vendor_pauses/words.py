"""What a pause says, one wording for banner, alerts, Connections and every refusal: why, and what happens next."""

from enrichment.models import ServiceHold
from enrichment.models.connection import ALONE, CLAY_CREATES, CLAY_ROWS, CLAY_TRIGGERS
from enrichment.vendors.errors import Recovery

NAMES = {"clay": "Clay", "ghl": "GoHighLevel", "instantly": "Instantly"}
PAUSED = {
    **NAMES,
    CLAY_ROWS: "Creating rows in Clay",
    CLAY_CREATES: "Creating rows in Clay",
    CLAY_TRIGGERS: "Triggering enrichments in Clay",
}
UNANSWERED = {
    CLAY_CREATES: "Clay does not answer new rows, though it answers other calls",
    CLAY_TRIGGERS: "Clay does not answer enrichment triggers, though it answers other calls",
}
REASONS: dict[str, str] = {
    Recovery.PAUSE: "the quota is used up",
    Recovery.CREDITS: "the credits are used up",
    Recovery.REFRESH_KEY: "the API key was refused",
    Recovery.CHECK_ADDRESS: "the address, table or location looks wrong",
    Recovery.VENDOR_DOWN: "it does not answer",
    Recovery.TABLE_FULL: "the table takes no more rows",
}
# What goes on meanwhile, and what ends it.
OUTLOOKS: dict[str, str] = {
    Recovery.PAUSE: "A quota comes back by itself. Results that are on their way are still read.",
    Recovery.CREDITS: (
        "Credits do not come back by themselves: buy credits or wait for the plan's renewal, then resume. "
        "Results that are on their way are still read."
    ),
    Recovery.REFRESH_KEY: "Renew the key at the vendor and in our settings, then resume.",
    Recovery.CHECK_ADDRESS: "Correct it in our settings, then resume.",
    Recovery.VENDOR_DOWN: (
        "No lead fails because of it. It is asked again with one call now and then, "
        "and work goes on by itself when it answers."
    ),
    Recovery.TABLE_FULL: (
        "Leads without a row wait; those that have one go on. Make a new table, and the others go on there."
    ),
}
ALONE_OUTLOOK = "Other calls to Clay go on. It is tried again now and then; no lead fails because of it within a day."
NEXT: dict[str, str] = {
    Recovery.VENDOR_DOWN: "Asked again",
    Recovery.PAUSE: "Tried again",
    Recovery.CREDITS: "Tried again",
}


def name(hold: ServiceHold) -> str:
    """What is paused."""
    return PAUSED.get(hold.system, hold.system)


def reason(hold: ServiceHold) -> str:
    """Why, without a full stop; with what was seen where that says more."""
    words = UNANSWERED.get(hold.system) or REASONS.get(hold.reason, hold.reason)
    if hold.system == "instantly" and hold.reason == Recovery.CREDITS:
        words = "the workspace has no paid plan, or no credits left"
    seen = hold.message if hold.reason in (Recovery.VENDOR_DOWN, Recovery.TABLE_FULL) else ""
    return f"{words} ({seen})" if seen else words


def outlook(hold: ServiceHold) -> str:
    """What ends it, in sentences; "" for a reason we do not know."""
    return ALONE_OUTLOOK if hold.system in ALONE else OUTLOOKS.get(hold.reason, "")


def next_step(hold: ServiceHold) -> str:
    """What happens at `until`, to stand before a time; "" where nothing happens by itself."""
    if not hold.until:
        return ""
    return "Tried again" if hold.system in ALONE else NEXT.get(hold.reason, "Goes on by itself")


def sentence(hold: ServiceHold) -> str:
    """For a refusal: "Clay is paused: the quota is used up."."""
    return f"{name(hold)} is paused: {reason(hold)}."
