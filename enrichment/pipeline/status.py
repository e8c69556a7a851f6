"""The status of an enriched lead (D3), and the error that stands beside it."""

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from enrichment.models import Lead
from enrichment.pipeline.normalise import clean
from enrichment.states import EnrichmentStatus
from enrichment.vendors.answers import mask
from enrichment.vendors.errors import CLAY, DEFAULT_RULE, Misconfigured, Paused, Recovery, VendorError
from swarm_admin.core.numbers import whole

# Words some answers have for a status number (D26): the specification's error types.
_WORDS = {
    "rate_limit": 429,
    "rate_limited": 429,
    "provider_timeout": 504,
    "timeout": 504,
    "invalid_input": 400,
    "authentication": 401,
    "unauthorized": 401,
    "provider_error": 502,
    "not_found": 404,
    "quota_exceeded": 403,
    "credits_exhausted": 402,
}


@dataclass(frozen=True)
class RunError:
    """Why a run failed, as Clay said it: `recovery` by the error table, closed by default."""

    recovery: Recovery
    code: str
    message: str
    provider: str

    @classmethod
    def read(cls, told: Any) -> "RunError | None":
        """From `data.error` or a row's `error`: an object, a bare text, or nothing."""
        if isinstance(told, str) and told.strip():
            told = {"message": told}
        if not isinstance(told, Mapping) or not told:
            return None
        code = clean(_said(told.get("code"))).strip()
        number = whole(code)
        known = number if number is not None and len(code) == 3 else _WORDS.get(code.lower())
        rule = CLAY.get(known, DEFAULT_RULE) if known is not None else DEFAULT_RULE
        provider = told.get("provider")
        recovery = rule.recovery
        if recovery == Recovery.NEXT_PROVIDER and number is not None and not provider:
            recovery = Recovery.DELAY  # a bare 504 names no provider: it is Clay's own
        return cls(
            recovery=recovery,
            code=code[:40],
            message=mask(clean(_said(told.get("message")))),
            provider=clean(provider).strip().lower()[:40] if isinstance(provider, str) else "",
        )

    @property
    def sentence(self) -> str:
        return " ".join(word for word in (self.code, self.message) if word)[:300]

    def stop(self) -> VendorError | None:
        """The pause of Clay it means: its key was refused or its quota is used up; not a provider's."""
        kind = {Recovery.REFRESH_KEY: Misconfigured, Recovery.PAUSE: Paused, Recovery.CREDITS: Paused}.get(
            self.recovery
        )
        if kind is None or self.provider:
            return None
        return kind("clay", "enrichment", code=self.code, message=self.message, recovery=self.recovery)


def _said(value: Any) -> str:
    """A word of Clay's; of a list or an object its beginning: it may be of any size and depth."""
    if isinstance(value, str | int | float):
        return str(value or "")
    return reprlib.repr(value) if value else ""


def status_of(lead: Lead, error: RunError | None) -> EnrichmentStatus:
    """completed: an e-mail and a company size; partial: an e-mail or a phone; failed: an error and neither.

    unenrichable: neither, and no error but that there is nobody to be found.
    """
    if lead.email and lead.company_size is not None:
        return EnrichmentStatus.COMPLETED
    if lead.email or lead.phone:
        return EnrichmentStatus.PARTIAL
    nobody = error is None or error.recovery == Recovery.UNENRICHABLE
    return EnrichmentStatus.UNENRICHABLE if nobody else EnrichmentStatus.FAILED
