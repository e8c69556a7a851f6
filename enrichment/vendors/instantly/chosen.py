"""Which campaign leads are added to: the one an admin chose on Connections, else INSTANTLY_CAMPAIGN_ID."""

from dataclasses import dataclass

from django.conf import settings

from enrichment.models import Connection
from enrichment.vendors.errors import Misconfigured, Recovery


@dataclass(frozen=True)
class OurCampaigns:
    """`current`: where new leads go, "" where there is none; `earlier`: where leads were added before."""

    current: str
    earlier: frozenset[str] = frozenset()

    def __contains__(self, campaign: str) -> bool:
        """Whether a lead there is one of ours; an answer may leave its campaign out."""
        return campaign in ("", self.current) or campaign in self.earlier


def campaigns() -> OurCampaigns:
    kept = Connection.objects.filter(system="instantly").values_list("campaign_id", "earlier_campaigns").first()
    chosen, earlier = kept or ("", [])
    default = str(settings.INSTANTLY_CAMPAIGN_ID).strip()
    return OurCampaigns(chosen or default, frozenset(earlier))


def none_chosen() -> Misconfigured:
    """Nothing can be added: it was not sent."""
    return Misconfigured("instantly", "add_lead", code="no_campaign", recovery=Recovery.CHECK_ADDRESS, sent=False)


def campaign_id() -> str:
    """Where new leads go. Raises `Misconfigured` where no campaign is chosen."""
    if current := campaigns().current:
        return current
    raise none_chosen()
