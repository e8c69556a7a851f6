"""A run at Clay: what went wrong in it, the status it gives the lead (D3), and how far it came.

How far: which waterfalls are over, who has answered, who was asked how often, and who is still to ask. It is read from
what Clay told of the run's providers and from the document it ran under. Which waterfall an answer belongs to is told
as `provider_stats.assign_calls` tells it. A run that ended well asked everybody it should, whether or not misses are
told; of one that broke off only what is told is known.
"""

from __future__ import annotations

import reprlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from enrichment.documents.waterfall import Waterfall, WaterfallDocument
from enrichment.models import Attempt, Lead, WaterfallVersion
from enrichment.states import EnrichmentStatus
from enrichment.vendors.answers import mask
from enrichment.vendors.clay.rules import RULES
from enrichment.vendors.errors import Misconfigured, Paused, Recovery, VendorError
from enrichment.vendors.reading import clean
from enrichment.vendors.rules import DEFAULT_RULE
from enrichment.waterfall.provider_stats import Run, assign_calls, fields_offered
from swarm_admin.core.numbers import parse_int

# {kind of waterfall: the fields any provider fills for it}
Offers = Mapping[str, frozenset[str]]
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
    def read(cls, value: Any) -> RunError | None:
        """From `data.error` or a row's `error`: an object, a bare text, or nothing."""
        if isinstance(value, str) and value.strip():
            value = {"message": value}
        if not isinstance(value, Mapping) or not value:
            return None
        code = clean(_as_text(value.get("code"))).strip()
        number = parse_int(code)
        known = number if number is not None and len(code) == 3 else _WORDS.get(code.lower())
        rule = RULES.get(known, DEFAULT_RULE) if known is not None else DEFAULT_RULE
        provider = value.get("provider")
        recovery = rule.recovery
        if recovery == Recovery.NEXT_PROVIDER and number is not None and not provider:
            recovery = Recovery.DELAY  # a bare 504 names no provider: it is Clay's own
        return cls(
            recovery=recovery,
            code=code[:40],
            message=mask(clean(_as_text(value.get("message")))),
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


def _as_text(value: Any) -> str:
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


@dataclass(frozen=True)
class Progress:
    """`finished`: waterfalls that found a match. `answered`: {kind: providers}, of the others, this run's and earlier.

    `remaining`: providers of those that have not answered there; `parallel`: of them those that are asked beside
    everybody else, so that nothing waits for their answer. `calls`: {provider: how often it was asked in this run}.
    """

    finished: list[str]
    answered: dict[str, list[str]]
    remaining: frozenset[str]
    parallel: frozenset[str]
    calls: Counter[str]


class Reader:
    """Reads attempts; the documents and the catalogue are fetched once for all of them."""

    def __init__(self, offered: Offers | None = None) -> None:
        self._offers = offered
        self._documents: dict[int, WaterfallDocument] = {}

    def of(self, attempt: Attempt, *, broke_off_at: str | None) -> Progress:
        """`broke_off_at`: the provider whose error ended the run, "" where none is named, None: it ended well."""
        whole = self._document(attempt.waterfall_id)
        asked = asked_by(attempt, whole)
        calls = _by_waterfall(attempt, asked, self._offered())
        finished = set(attempt.without)
        answered: dict[str, list[str]] = {}
        remaining: set[str] = set()
        in_order: set[str] = set()
        seen: Counter[str] = Counter()
        for kind, fall in asked.waterfalls().items():
            calls_of_kind = calls.get(kind, {})
            reached = _reached(fall, calls_of_kind) if broke_off_at is None else list(calls_of_kind)
            seen.update(reached)
            if kind in finished:
                continue
            if not fall.asks_all() and any(calls_of_kind.values()):
                finished.add(kind)
                continue
            names = sorted({*attempt.answered.get(kind, ()), *reached})
            if names:
                answered[kind] = names
            unanswered = set(whole.waterfalls()[kind].providers) - set(names)
            remaining |= unanswered
            in_order |= set() if fall.asks_all() else unanswered
        if broke_off_at in asked.providers():
            seen[str(broke_off_at)] += 1
        parallel = frozenset(remaining - in_order)
        return Progress(sorted(finished), answered, frozenset(remaining), parallel, seen | _reported_calls(attempt))

    def _document(self, version: int) -> WaterfallDocument:
        if version not in self._documents:
            document = WaterfallVersion.objects.values_list("document", flat=True).get(pk=version)
            self._documents[version] = WaterfallDocument.model_validate(document)
        return self._documents[version]

    def _offered(self) -> Offers:
        if self._offers is None:
            self._offers = fields_offered()
        return self._offers


def asked_by(attempt: Attempt, whole: WaterfallDocument) -> WaterfallDocument:
    """What of the document the attempt had asked."""
    narrowed = whole.asking(only=attempt.only_providers, without=attempt.without, answered=attempt.answered)
    return narrowed.only(narrowed.providers() - {*attempt.skip_providers, *attempt.deferred_providers})


def _by_waterfall(attempt: Attempt, asked: WaterfallDocument, offered: Offers) -> dict[str, dict[str, bool]]:
    """{kind: {provider that answered: whether what it found ends the waterfall}}, in the document's order."""
    entries = tuple((str(each["name"]), frozenset(each["fields"]), float(each["cost"])) for each in attempt.providers)
    run = Run("", attempt.waterfall_id, partial=False, without=(), entries=entries, many=1)
    by_waterfall: dict[str, dict[str, bool]] = {}
    for kind, slug, _, count in assign_calls(run, asked, offered)[0]:
        by_waterfall.setdefault(kind, {})[slug] = bool(count.ends)
    return by_waterfall


def _reached(fall: Waterfall, has_answered: Mapping[str, bool]) -> Sequence[str]:
    """Whom a run that ended well has asked: everybody, or those up to the find that ended it."""
    ends = [at for at, slug in enumerate(fall.providers) if has_answered.get(slug)]
    return fall.providers if fall.asks_all() or not ends else fall.providers[: ends[0] + 1]


def _reported_calls(attempt: Attempt) -> Counter[str]:
    """Calls as told, whichever waterfall they were of."""
    return Counter(str(each["name"]) for each in attempt.providers)


def failures(attempts: Collection[Attempt]) -> Counter[str]:
    """{provider: how many of these attempts its error ended}."""
    return Counter(each.provider for each in attempts if each.provider)
