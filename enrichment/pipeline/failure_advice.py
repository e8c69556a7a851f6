"""What to do about a failure, by the kind of its error, in the same words on every screen."""

from enrichment.models import Verdict
from enrichment.models.handover import ANSWERED, UNDECIDED
from enrichment.models.lead_queries import NAMED_SUPPRESSED
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay import chosen
from enrichment.vendors.errors import ADVICE, Recovery

OWN_ADVICE = {
    ANSWERED: (
        "The lead replied or unsubscribed under an earlier e-mail address. Decide on the lead's page which "
        "address to use."
    ),
    UNDECIDED: (
        "GoHighLevel has a contact that may not be this lead's, so nothing was written. Decide on the lead's page."
    ),
    "no_answer": "Clay accepted the row but never finished it. Check it in Clay. A retry may be charged again.",
    "no_callback": (
        "The lead was submitted to Clay, and no result came back in time. Check the row in Clay. Then wait longer, "
        "submit it again (a new row, charged again) or give it up."
    ),
    "unknown_run": (
        "The answer to the run was lost: it may be running, and charged. If its result comes, it is applied. A "
        "repeat may be charged twice, so it isn't made automatically."
    ),
    "run_lost": "Clay keeps a run's results for about a day. They are gone; a retry is charged again.",
    "internal_error": "Internal error while processing. See the log for details. Retry once it is fixed.",
    Verdict.MALFORMED: "Not a valid Clay message, so nothing was changed. See Webhooks for its content.",
    NAMED_SUPPRESSED: (
        "Clay returned data of someone on the suppression list. Nothing was saved; the row is removed or waits "
        "for that person's open request. Delivery is blocked until you decide: if the lead is that person, "
        "erase it with a request. If not, confirm that on the lead's page and correct the lead before you "
        "retry."
    ),
    "": "No reason was recorded. Check it manually.",
}

# Of what the error table says of a trigger, where Clay enriches by itself whatever it is sent.
SUBMITTED_ADVICE = {
    Recovery.NEXT_PROVIDER: (
        "A data provider didn't respond in time in Clay. Submit the lead again: all providers are called again."
    ),
}


def advice_of(kind: str) -> str:
    """What is known of failures of ours, else what the error table says of this kind; "" where neither has it."""
    if kind in SUBMITTED_ADVICE and not chosen.can(Capability.TRIGGER):
        return SUBMITTED_ADVICE[Recovery(kind)]
    return OWN_ADVICE.get(kind) or (ADVICE[Recovery(kind)] if kind in set(Recovery) else "")
