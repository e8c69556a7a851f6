"""The waterfall document: the shape of the specification's JSON, validated, and our policies beside it."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal

from django.conf import settings
from pydantic import BaseModel, ConfigDict, Field, model_validator

from enrichment.models import WaterfallVersion

Slug = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")]


class Waterfall(BaseModel):
    model_config = ConfigDict(extra="forbid")

    providers: list[Slug]
    # Ours, and never sent: what to do when a provider's hourly budget is used up. "" is the setting.
    policy: Literal["", "wait", "skip"] = ""

    @model_validator(mode="after")
    def _each_once(self) -> "Waterfall":
        if len(set(self.providers)) != len(self.providers):
            raise ValueError("a provider can appear only once per waterfall")
        return self

    def waits(self) -> bool:
        """True where a used-up budget holds the lead back, False where it goes on and is filled in later (D11)."""
        return (self.policy or settings.PROVIDER_BUDGET_POLICY) == "wait"

    def asks_all(self) -> bool:
        """True when every provider is asked, whether or not an earlier one answered."""
        return bool(getattr(self, "merge_results", False)) or not getattr(self, "stop_on_success", True)


class EmailWaterfall(Waterfall):
    stop_on_success: bool = True
    verify_deliverability: bool = True
    prefer_work_email: bool = True


class PhoneWaterfall(Waterfall):
    format: Literal["e164", "national"] = "e164"
    country_default: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "US"


class CompanyWaterfall(Waterfall):
    merge_results: bool = True


class TechstackWaterfall(Waterfall):
    merge_results: bool = True
    limit: Annotated[int, Field(ge=1, le=200)] = 20


class WaterfallDocument(BaseModel):
    """All four waterfalls, as sent with each enrichment trigger (D10)."""

    model_config = ConfigDict(extra="forbid")

    waterfall_email: EmailWaterfall
    waterfall_phone: PhoneWaterfall
    waterfall_company: CompanyWaterfall
    waterfall_techstack: TechstackWaterfall

    def waterfalls(self) -> dict[str, Waterfall]:
        """{kind: waterfall}, in the document's order."""
        return {name.removeprefix("waterfall_"): getattr(self, name) for name in type(self).model_fields}

    def providers(self) -> set[str]:
        return {slug for waterfall in self.waterfalls().values() for slug in waterfall.providers}

    def waits_for(self, slugs: Collection[str]) -> bool:
        """Whether a waterfall that asks one of these holds the lead back where its budget is used up (D11)."""
        return any(each.waits() and set(slugs) & set(each.providers) for each in self.waterfalls().values())

    def only(self, slugs: set[str]) -> "WaterfallDocument":
        """The document with no provider but these: what is left to fill in later (D11)."""
        document: dict[str, Any] = self.model_dump()
        for waterfall in document.values():
            waterfall["providers"] = [slug for slug in waterfall["providers"] if slug in slugs]
        return WaterfallDocument.model_validate(document)

    def without(self, kinds: Collection[str]) -> "WaterfallDocument":
        """The document in which these waterfalls ask nobody: what they would find is known already."""
        document: dict[str, Any] = self.model_dump()
        for kind in kinds:
            document[f"waterfall_{kind}"]["providers"] = []
        return WaterfallDocument.model_validate(document)

    def asking(
        self,
        *,
        only: Collection[str] = (),
        without: Collection[str] = (),
        answered: Mapping[str, Collection[str]] | None = None,
    ) -> "WaterfallDocument":
        """What of it is still asked: `only` these providers where any are named, no waterfall of `without`, and in
        each waterfall nobody who `answered` there already."""
        document: dict[str, Any] = self.model_dump()
        for kind, fall in self.waterfalls().items():
            left_out = set(fall.providers) if kind in without else set((answered or {}).get(kind, ()))
            document[f"waterfall_{kind}"]["providers"] = [
                slug for slug in fall.providers if slug not in left_out and (not only or slug in only)
            ]
        return WaterfallDocument.model_validate(document)

    def sent(self) -> dict[str, Any]:
        """What Clay is sent and what is exported: the specification's JSON, without what is ours alone."""
        return self.model_dump(exclude={name: {"policy"} for name in type(self).model_fields})


def active_waterfall() -> WaterfallDocument:
    """The published one, as of at most a second ago."""
    return WaterfallDocument.model_validate(WaterfallVersion.active().document)


# Specification, "Waterfall Configuration": the active set (D9).
PUBLISHED = {
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
