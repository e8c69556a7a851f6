"""The causes of failures in words: what failed and how, what the specification advises, whether to retry."""

import hashlib
from dataclasses import dataclass

from enrichment.labels import provider_name
from enrichment.models import Verdict
from enrichment.models.handover import ANSWERED, UNDECIDED
from enrichment.models.lead_queries import NAMED_SUPPRESSED
from enrichment.vendors.errors import ADVICE, Recovery

LABELS = {
    "enrichment": "Enrichment",
    "ghl": "Delivery to GoHighLevel",
    "instantly": "Delivery to Instantly",
    "webhook": "Webhook",
    "unreadable": "Webhook",
    "write_back": "Write-back to Clay",
}
# Recoveries that a retry cannot help: it would fail again in the same way.
NOT_BY_RETRY = (Recovery.GONE, Recovery.BY_HAND, Recovery.UNENRICHABLE, Verdict.MALFORMED)
# Recoveries after which a retry needs something done first.
FIRST = {
    Recovery.SET_ASIDE: "once the record is corrected",
    Recovery.REFRESH_KEY: "once the key is renewed",
    Recovery.CHECK_ADDRESS: "once the address is right",
    Recovery.PAUSE: "once the quota is back",
    Recovery.CREDITS: "once there are credits",
    Recovery.VENDOR_DOWN: "once the vendor answers",
    Recovery.TABLE_FULL: "once there is a new table",
    Recovery.NEEDS_PERSON: "after a look at it",
    "internal_error": "once the fault is mended",
    NAMED_SUPPRESSED: "after a look at it",
    UNDECIDED: "once it is decided on the lead's page",
    ANSWERED: "once it is decided on the lead's page",
}
TITLES = {
    Recovery.BACKOFF: "too many calls",
    Recovery.NEXT_PROVIDER: "provider did not answer",
    Recovery.DELAY: "failed three times",
    Recovery.SET_ASIDE: "data refused",
    Recovery.REFRESH_KEY: "key refused",
    Recovery.CHECK_ADDRESS: "wrong address or table",
    Recovery.PAUSE: "quota used up",
    Recovery.CREDITS: "credits used up",
    Recovery.VENDOR_DOWN: "vendor did not answer",
    Recovery.TABLE_FULL: "table full",
    Recovery.UNENRICHABLE: "row unknown to Clay",
    Recovery.GONE: "record is gone",
    Recovery.BY_HAND: "call not offered",
    Recovery.READ_BACK: "outcome unknown",
    Recovery.NEEDS_PERSON: "unknown answer",
    Recovery.WORKER_LOST: "its worker was lost",
    "no_answer": "never finished",
    UNDECIDED: "existing contact",
    ANSWERED: "answered under an earlier address",
    Verdict.MALFORMED: "could not be read",
    "internal_error": "a fault of ours",
    NAMED_SUPPRESSED: "answer named a suppressed person",
    "": "no reason given",
}
OWN_ADVICE = {
    ANSWERED: "They replied or unsubscribed under an earlier e-mail address. Decide on its page which one goes on.",
    UNDECIDED: "GoHighLevel has a contact that is not simply this lead's, so nothing was written. Decide on its page.",
    "no_answer": "Clay took the row and never finished it: look at it in Clay; a retry may be paid a second time.",
    "internal_error": "A fault of ours while reading it: the log has the details. Read it again once it is mended.",
    Verdict.MALFORMED: "It is no message as Clay sends them, so nothing was changed. See on Webhooks what came.",
    NAMED_SUPPRESSED: (
        "Clay's answer named somebody on the suppression list: nothing was taken over; its row is removed or waits for "
        "that person's open request. Nothing is delivered until somebody decides: if the lead is that person, erase it "
        "by a request; if not, say so on its page, and correct the lead before a retry buys the answer again."
    ),
    "": "No reason was recorded: a person has to look at it.",
}


@dataclass(frozen=True)
class Cause:
    """What the members of a group have in common."""

    what: str
    kind: str
    provider: str
    shape: str

    @property
    def key(self) -> str:
        """The group's name in addresses."""
        told = "\x1f".join((self.what, self.kind, self.provider, self.shape))
        return hashlib.sha256(told.encode()).hexdigest()[:20]

    @property
    def provider_name(self) -> str:
        """The provider as people call it; "" where none is known."""
        return provider_name(self.provider) if self.provider else ""

    @property
    def title(self) -> str:
        """What failed and how, in a few words."""
        return f"{LABELS[self.what]}: {TITLES.get(self.kind) or self.kind.replace('_', ' ')}"

    @property
    def advice(self) -> str:
        """The recovery that the specification names, in a sentence."""
        if self.kind in OWN_ADVICE:
            return OWN_ADVICE[self.kind]
        return ADVICE[Recovery(self.kind)] if self.kind in set(Recovery) else ADVICE[Recovery.NEEDS_PERSON]

    @property
    def why_no_retry(self) -> str:
        """Why a retry cannot help; "" where it can."""
        return f"A retry would fail again. {self.advice}" if self.kind in NOT_BY_RETRY else ""

    @property
    def retryable(self) -> str:
        """In words: "now", "once …", "no"."""
        return "no" if self.why_no_retry else FIRST.get(self.kind, "now")
