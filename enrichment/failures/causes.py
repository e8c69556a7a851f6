"""The causes of failures in words: what failed and how, what the specification advises, whether to retry."""

import hashlib
from dataclasses import dataclass

from enrichment.labels import provider_name
from enrichment.models import Verdict
from enrichment.models.handover import ANSWERED, UNDECIDED
from enrichment.models.lead_queries import NAMED_SUPPRESSED
from enrichment.pipeline.failure_advice import advice_of
from enrichment.vendors import registry
from enrichment.vendors.errors import ADVICE, Recovery

LABELS = {
    "enrichment": "Enrichment",
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
    Recovery.CHECK_ADDRESS: "once the address is fixed",
    Recovery.PAUSE: "once the quota is back",
    Recovery.CREDITS: "once there are credits",
    Recovery.VENDOR_DOWN: "once the vendor responds",
    Recovery.TABLE_FULL: "once there is a new table",
    Recovery.NO_SOURCE: "once there is a source",
    Recovery.NEEDS_PERSON: "after a check",
    "internal_error": "once the error is fixed",
    NAMED_SUPPRESSED: "after a check",
    UNDECIDED: "once you decide on the lead's page",
    ANSWERED: "once you decide on the lead's page",
}
TITLES = {
    Recovery.BACKOFF: "rate limit reached",
    Recovery.NEXT_PROVIDER: "provider didn't respond",
    Recovery.DELAY: "failed three times",
    Recovery.SET_ASIDE: "data rejected",
    Recovery.REFRESH_KEY: "API key rejected",
    Recovery.CHECK_ADDRESS: "wrong address or table",
    Recovery.PAUSE: "quota exhausted",
    Recovery.CREDITS: "credits exhausted",
    Recovery.VENDOR_DOWN: "vendor didn't respond",
    Recovery.TABLE_FULL: "table full",
    Recovery.NO_SOURCE: "no source accepts rows",
    Recovery.UNENRICHABLE: "row unknown to Clay",
    Recovery.GONE: "record is gone",
    Recovery.BY_HAND: "call not supported",
    Recovery.READ_BACK: "outcome unknown",
    Recovery.NEEDS_PERSON: "unknown response",
    Recovery.WORKER_LOST: "worker crashed",
    "no_answer": "never finished",
    "no_callback": "no result came back",
    "unknown_run": "outcome of the run unknown",
    "run_lost": "results no longer kept",
    "gave_up": "given up",
    UNDECIDED: "existing contact",
    ANSWERED: "replied under an earlier address",
    Verdict.MALFORMED: "unreadable",
    "internal_error": "internal error",
    NAMED_SUPPRESSED: "response names a suppressed person",
    "": "no reason recorded",
}


def label_of(what: str) -> str:
    """The kind of work that failed; of a delivery to a vendor `what` is its slug."""
    return LABELS.get(what) or f"Delivery to {registry.name_of(what)}"


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
        text = "\x1f".join((self.what, self.kind, self.provider, self.shape))
        return hashlib.sha256(text.encode()).hexdigest()[:20]

    @property
    def provider_name(self) -> str:
        """The provider as people call it; "" where none is known."""
        return provider_name(self.provider) if self.provider else ""

    @property
    def title(self) -> str:
        """What failed and how, in a few words."""
        return f"{label_of(self.what)}: {TITLES.get(self.kind) or self.kind.replace('_', ' ')}"

    @property
    def advice(self) -> str:
        """The recovery that the specification names, in a sentence."""
        return advice_of(self.kind) or ADVICE[Recovery.NEEDS_PERSON]

    @property
    def why_no_retry(self) -> str:
        """Why a retry cannot help; "" where it can."""
        return f"A retry would fail again. {self.advice}" if self.kind in NOT_BY_RETRY else ""

    @property
    def retryable(self) -> str:
        """In words: "now", "once …", "no"."""
        return "no" if self.why_no_retry else FIRST.get(self.kind, "now")
