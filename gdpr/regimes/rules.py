"""The laws a request may be answered under, as data: how long there is, what stops the time, what a kind is called.

Each rule stands with its source. A law that says nothing of stopping the time is taken at its word: the time runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from django.db import models

from gdpr.kinds import RequestKind
from gdpr.regimes.calendar import MONTH, THREE_MONTHS, Period


class Regime(models.TextChoices):
    EU = "eu", "GDPR"
    UK = "uk", "UK GDPR"
    CH = "ch", "FADP (Switzerland)"
    CA = "ca", "CCPA (California)"


class Effect(Enum):
    """What an outstanding answer does to the time."""

    SUSPENDS = "suspends"
    RESTARTS = "restarts"
    NOTHING = "nothing"


@dataclass(frozen=True)
class RegimeRules:
    """`answer`, `extended`: from the receipt, the second in place of the first. `periods`: where a kind has its own.

    `unextendable`: kinds the law gives no more time for. `clarified`: the kinds whose time a clarification stops;
    None: all. `confirm`: until when the receipt has to be confirmed. `rolls`: a period that would end on a day off
    ends on the next working day. `kinds`: what the law calls a kind; the GDPR's name where it is missing.
    `rights`: what the person is told of beside a copy.
    """

    answer: Period
    extended: Period
    sources: tuple[str, ...]
    identity: Effect
    clarification: Effect
    rolls: bool
    authority: str = ""  # of the whole country; where there is one in each, the setting names it
    clarified: frozenset[str] | None = None
    periods: Mapping[str, Period] = field(default_factory=dict)
    unextendable: frozenset[str] = frozenset({RequestKind.OBJECTION})
    confirm: Period | None = None
    legal_basis: bool = True
    kinds: Mapping[str, str] = field(default_factory=dict)
    rights: tuple[str, ...] = (
        "Rectification of data that are wrong or incomplete (Art. 16)",
        "Erasure (Art. 17)",
        "Restriction of processing (Art. 18)",
        "Objection to processing, at any time and without giving reasons where it serves direct marketing (Art. 21)",
    )

    def extends(self, kind: str) -> bool:
        """Whether the law gives more time for it."""
        return kind not in self.unextendable

    def period(self, kind: str, *, extended: bool) -> Period:
        if extended and self.extends(kind):
            return self.extended
        return self.periods.get(kind, self.answer)

    def effect(self, *, identity: bool, kind: str) -> Effect:
        """What a question does to the time of a request of this kind."""
        if identity:
            return self.identity
        return self.clarification if self.clarified is None or kind in self.clarified else Effect.NOTHING


K = RequestKind
OPT_OUT = Period(working_days=15)
RULES_OF: dict[str, RegimeRules] = {
    Regime.EU: RegimeRules(
        answer=MONTH,
        extended=THREE_MONTHS,
        sources=(
            "Art. 12(3) GDPR: one month, extended by two further months",
            "Art. 3 Regulation (EEC, Euratom) 1182/71: the day of receipt isn't counted; a period that ends on a day "
            "off ends on the next working day",
            "EDPB Guidelines 01/2022, 157 and 158: an open question about identity or scope suspends the time",
        ),
        identity=Effect.SUSPENDS,
        clarification=Effect.SUSPENDS,
        rolls=True,
    ),
    Regime.UK: RegimeRules(
        answer=MONTH,
        extended=THREE_MONTHS,
        sources=(
            "Art. 12(3) and 12A UK GDPR: one month from the latest of receipt, identification and fee",
            "ICO, Right of access: a period that ends on a weekend or public holiday ends on the next working day",
        ),
        identity=Effect.RESTARTS,
        clarification=Effect.SUSPENDS,
        clarified=frozenset({K.ACCESS}),
        rolls=True,
    ),
    Regime.CH: RegimeRules(
        answer=Period(days=30),
        extended=Period(days=60),
        sources=(
            "Art. 25(7) FADP and Art. 18(1) DPO: within 30 days of receipt",
            "Art. 18(2) DPO: if that isn't possible, the person is told by when; the law names no end, 60 days is ours",
            "Art. 78 CO: a period that ends on a day off ends on the next working day",
        ),
        identity=Effect.NOTHING,
        clarification=Effect.NOTHING,
        rolls=True,
        authority="the Federal Data Protection and Information Commissioner (FDPIC)",
        kinds={
            K.ACCESS: "Access (Art. 25 FADP)",
            K.RECTIFICATION: "Rectification (Art. 32(1) FADP)",
            K.ERASURE: "Erasure (Art. 32(2)(c) FADP)",
            K.RESTRICTION: "Restriction (Art. 32(2)(a) FADP)",
            K.RELEASE: "End of a restriction",
            K.PORTABILITY: "Portability (Art. 28 FADP)",
            K.OBJECTION: "Objection (Art. 30(2)(b) FADP)",
        },
        rights=(
            "Rectification of data that are wrong (Art. 32(1) FADP)",
            "Erasure (Art. 32(2)(c) FADP)",
            "Prohibition of a processing or a disclosure (Art. 32(2)(a) and (b) FADP)",
            "Objection to processing, at any time (Art. 30(2)(b) FADP)",
        ),
    ),
    Regime.CA: RegimeRules(
        answer=Period(days=45),
        extended=Period(days=90),
        sources=(
            "Cal. Civ. Code § 1798.130(a)(2)(A): 45 days from receipt, once 45 more with notice; checking who asks "
            "doesn't extend it",
            "11 CCR § 7021: receipt is confirmed within 10 business days",
            "11 CCR § 7026(f), § 7027(g): opting out and limiting within 15 business days, without verification",
        ),
        identity=Effect.NOTHING,
        clarification=Effect.NOTHING,
        rolls=False,
        authority="the California Privacy Protection Agency or the Attorney General of California",
        periods={K.OBJECTION: OPT_OUT, K.RESTRICTION: OPT_OUT},
        unextendable=frozenset({K.OBJECTION, K.RESTRICTION}),
        confirm=Period(working_days=10),
        legal_basis=False,
        kinds={
            K.ACCESS: "Know (CCPA § 1798.110)",
            K.RECTIFICATION: "Correct (CCPA § 1798.106)",
            K.ERASURE: "Delete (CCPA § 1798.105)",
            K.RESTRICTION: "Limit use (CCPA § 1798.121)",
            K.RELEASE: "End of a limit on use",
            K.PORTABILITY: "Portability (CCPA § 1798.130)",
            K.OBJECTION: "Opt out of sale and sharing (CCPA § 1798.120)",
        },
        rights=(
            "Correction of data that are wrong (CCPA § 1798.106)",
            "Deletion (CCPA § 1798.105)",
            "Opting out of sale and sharing, and limiting the use of sensitive data (CCPA § 1798.120, § 1798.121)",
            "No retaliation for using these rights (CCPA § 1798.125)",
        ),
    ),
}


def kind_label(regime: str, kind: str) -> str:
    """What the request's own law calls it: "Access (Art. 15)", "Know (CCPA § 1798.110)"."""
    return RULES_OF[regime].kinds.get(kind) or RequestKind(kind).label
