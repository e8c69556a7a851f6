"""One run of the waterfalls for one row: who is asked, in which order, what they find, what it costs."""

import datetime
from dataclasses import dataclass, field
from typing import Any

from swarm_admin.sandbox import people
from swarm_admin.sandbox.config import EXAMPLE_URL, Config
from swarm_admin.sandbox.faults import Faults
from swarm_admin.sandbox.limits import Limits
from swarm_admin.sandbox.stats import Stats

COMPANY = ("company_domain", "company_industry", "company_size", "company_revenue", "company_location")
PROFILE = (
    "title",
    "linkedin_headline",
    "linkedin_summary",
    "linkedin_connections",
    "recent_posts",
    "mutual_connections",
)
EMAILS = ("email_work", "email_personal")
# waterfall → provider → (columns, cost in dollars, share of people found). Costs and accuracies of the
# specification's tables where they have one.
CATALOGUE: dict[str, dict[str, tuple[tuple[str, ...], float, float]]] = {
    "waterfall_email": {
        "apollo": (EMAILS, 0.03, 0.95),
        "hunter": (("email_work",), 0.02, 0.92),
        "clearbit": (("email_work",), 0.05, 0.90),
        "pdl": (EMAILS, 0.04, 0.88),
        "snovio": (EMAILS, 0.02, 0.85),
    },
    "waterfall_phone": {
        "cognism": (("phone",), 0.10, 0.90),
        "lusha": (("phone",), 0.08, 0.85),
        "zoominfo": (("phone",), 0.12, 0.88),
    },
    "waterfall_company": {
        "clearbit": (COMPANY, 0.05, 0.97),
        "linkedin": (("company_size", "company_industry"), 0.0, 0.98),
        "crunchbase": (("funding_stage", "funding_amount"), 0.02, 0.95),
    },
    "waterfall_techstack": {
        "builtwith": (("tech_stack",), 0.02, 0.97),
        "wappalyzer": (("tech_stack",), 0.01, 0.90),
        "hginsights": (("tech_stack",), 0.03, 0.90),
    },
}
DEFAULT: dict[str, dict[str, Any]] = {
    "waterfall_email": {
        "providers": ["apollo", "hunter", "clearbit", "pdl", "snovio"],
        "stop_on_success": True,
        "verify_deliverability": True,
        "prefer_work_email": True,
    },
    "waterfall_phone": {"providers": ["cognism", "lusha"], "format": "e164", "country_default": "US"},
    "waterfall_company": {"providers": ["clearbit", "crunchbase"], "merge_results": True},
    "waterfall_techstack": {"providers": ["builtwith", "wappalyzer"], "merge_results": True, "limit": 20},
}


def complaint(document: Any) -> str:
    """What is wrong with a waterfall document; empty when nothing is."""
    if not isinstance(document, dict):
        return "waterfalls must be an object"
    for name, part in document.items():
        if name not in CATALOGUE:
            return f"unknown waterfall: {name}"
        providers = part.get("providers") if isinstance(part, dict) else None
        if not isinstance(providers, list) or not all(isinstance(each, str) for each in providers):
            return f"{name}.providers must be a list of names"
        for option in ("stop_on_success", "merge_results", "verify_deliverability", "prefer_work_email"):
            if not isinstance(part.get(option, False), bool):
                return f"{name}.{option} must be true or false"
        limit = part.get("limit", 1)
        if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
            return f"{name}.limit must be a number above 0"
    return ""


def stamp(moment: datetime.datetime) -> str:
    """ISO 8601 in UTC with milliseconds."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def missed(config: Config, url: str) -> set[str]:
    """The waterfalls that are told to find nothing for this person; an empty list stands for all."""
    for each, kinds in config.misses.items():
        if people.canonical(each) == url:
            return {f"waterfall_{kind}" for kind in kinds} or {*CATALOGUE, "waterfall_profile"}
    return set()


@dataclass
class Result:
    """What a run brought: column values, the providers in order, the error that ended it."""

    values: dict[str, Any] = field(default_factory=dict)
    providers_used: list[dict[str, Any]] = field(default_factory=list)
    error: dict[str, Any] | None = None


class Run:
    """The waterfalls of one row: the LinkedIn profile first, then the waterfalls in the order sent."""

    def __init__(self, row: dict[str, Any], config: Config, faults: Faults, stats: Stats, limits: Limits) -> None:
        self.config, self.faults, self.stats, self.limits = config, faults, stats, limits
        self.known = people.person(row, config.seed)
        self.url = people.canonical(row.get("linkedin_url"))
        self.draw = people.Draw("found", self.url, config.seed)
        self.missed = missed(config, self.url)
        self.result = Result()

    def go(self, document: dict[str, Any], skip: set[str]) -> Result:
        """Runs what the document names, without the skipped providers."""
        if "linkedin" not in skip and "waterfall_profile" not in self.missed:
            profile = {name: self.known[name] for name in PROFILE}
            self.result.values.update(profile)
            self._note("linkedin", profile, 0.0)
        for name, part in document.items():
            providers = [each for each in part["providers"] if each not in skip]
            if not self._fall(name, part, providers):
                break
        if self.config.untidy:
            self._untidy()
        return self.result

    def _fall(self, name: str, part: dict[str, Any], providers: list[str]) -> bool:
        """One waterfall; False when a provider's error ended the run."""
        merge = part.get("merge_results", False) or part.get("stop_on_success") is False
        gathered: dict[str, Any] = {}
        for provider in providers:
            fault = self.faults.on_provider(provider, self.url)
            if fault is not None:
                self.stats.provider(provider)
                self._fail(fault.kind, provider)
                return False
            found, cost = self._ask(name, part, provider, last=provider == providers[-1])
            new = self._merge(name, part, gathered, found)
            self._note(provider, new, cost)
            if not merge and self._enough(part, gathered):
                break
        return True

    def _ask(self, name: str, part: dict[str, Any], provider: str, *, last: bool) -> tuple[dict[str, Any], float]:
        columns, cost, share = CATALOGUE[name].get(provider, ((), 0.0, 0.0))
        budget = self.config.providers_per_hour.get(provider)
        if budget and self.limits.refuse([self.limits.window(f"provider {provider}", budget, 3600)]):
            self.stats.provider(provider, over_limit=True)
            return {}, 0.0
        key = f"{name} {provider}"
        sure = self.url == people.canonical(EXAMPLE_URL)
        hit = bool(columns) and (sure or self.draw.share(key) < share)
        if name == "waterfall_email":
            undeliverable = not sure and self.draw.share(f"bounce {key}") < 0.03
            hit = hit and not (undeliverable and part.get("verify_deliverability"))
            hit = hit or (last and self.config.always_email and bool(columns))
        hit = hit and name not in self.missed
        paid = cost if hit or self.config.charge_misses else 0.0
        self.stats.provider(provider, hit=hit, cost=paid)
        return (self._seen_by(key, columns, part) if hit else {}), paid

    def _seen_by(self, key: str, columns: tuple[str, ...], part: dict[str, Any]) -> dict[str, Any]:
        """The columns as this provider has them."""
        found = {name: self.known[name] for name in columns if self.known[name] not in ("", None, [])}
        if "phone" in found and part.get("format") != "e164" and self.draw.share(f"national {key}") < 0.5:
            found["phone"] = people.national(found["phone"])
        if "tech_stack" in found and self.url != EXAMPLE_URL and key.endswith("wappalyzer"):
            found["tech_stack"] = [*found["tech_stack"], "jQuery"]
        if len(columns) == 2 and "email_personal" in found and self.url != EXAMPLE_URL:
            half = self.draw.share(f"personal {key}")
            if half < 0.6:
                del found["email_personal"]
            elif half > 0.95:
                del found["email_work"]
        return found

    def _merge(
        self, name: str, part: dict[str, Any], gathered: dict[str, Any], found: dict[str, Any]
    ) -> dict[str, Any]:
        """Adds what is new to the row; the earlier provider's value stands, lists are joined."""
        new: dict[str, Any] = {}
        for column, value in found.items():
            before = gathered.get(column)
            if column == "tech_stack":
                joined = list(dict.fromkeys([*(before or []), *value]))[: part.get("limit", 1000)]
                if joined != before:
                    new[column] = joined
            elif before is None:
                new[column] = value
        gathered.update(new)
        self.result.values.update(new)
        return new

    def _enough(self, part: dict[str, Any], gathered: dict[str, Any]) -> bool:
        """Success; a personal address alone is none where work addresses are preferred."""
        if part.get("prefer_work_email") and "email_personal" in gathered:
            return "email_work" in gathered
        return bool(gathered)

    def _note(self, provider: str, found: dict[str, Any], cost: float) -> None:
        if not found and not self.config.report_misses:
            return
        entry: dict[str, Any] = {
            "name": provider,
            "fields_enriched": list(found),
            "timestamp": stamp(datetime.datetime.now(datetime.UTC)),
        }
        if cost:
            entry["cost"] = cost
        self.result.providers_used.append(entry)

    def _fail(self, kind: str, provider: str) -> None:
        code, words = {
            "provider_timeout": ("provider_timeout", "did not answer in time"),
            "provider_error": ("provider_error", "answered with an error"),
            "provider_rate_limited": ("rate_limited", "was asked too often"),
            "provider_out_of_credits": ("credits_exhausted", "has no credits left"),
        }[kind]
        self.result.error = {
            "code": code,
            "message": f"The provider {provider} {words}",
            "provider": provider,
        }

    def _untidy(self) -> None:
        """Types as they come from outside: a size as text, a list as "a, b" (D24)."""
        values = self.result.values
        if self.url == EXAMPLE_URL:
            return
        if "company_size" in values and self.draw.share("size as text") < 0.15:
            values["company_size"] = str(values["company_size"])
        if "tech_stack" in values and self.draw.share("list as text") < 0.15:
            values["tech_stack"] = ", ".join(values["tech_stack"])
