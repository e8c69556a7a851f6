"""What the tables hold from the beginning: the catalogue of providers and the first published versions (D2, D9)."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from enrichment.documents.first_scorecard import PUBLISHED as SCORECARD
from enrichment.documents.waterfall import PUBLISHED as WATERFALLS
from enrichment.waterfall.catalogue import PROVIDERS, SERVICES


def insert_seeds(**kwargs: Any) -> None:
    """After each migration: whatever of it is not there yet. What staff have changed stays theirs."""
    from enrichment.models import Provider, ScorecardVersion, WaterfallVersion

    with transaction.atomic():
        if not Provider.objects.exists():
            seed_catalogue()
        if not WaterfallVersion.objects.exists():
            publish_first(WaterfallVersion, WATERFALLS)
        if not ScorecardVersion.objects.exists():
            publish_first(ScorecardVersion, SCORECARD)


def seed_catalogue() -> None:
    from enrichment.models import Provider, ProviderService

    providers = {
        slug: Provider.objects.create(slug=slug, name=name, hourly_limit=limit)
        for slug, (name, limit) in PROVIDERS.items()
    }
    ProviderService.objects.bulk_create(
        ProviderService(
            provider=providers[service.provider],
            waterfall=service.waterfall,
            position=position,
            cost=service.cost,
            accuracy=service.accuracy,
            coverage=service.coverage,
            fields=service.fields,
        )
        for position, service in enumerate(SERVICES, start=1)
    )


def publish_first(model: Any, document: dict[str, Any]) -> None:
    model.objects.create(
        number=1,
        status="published",
        document=document,
        note="As published in the integration specification",
        published_at=timezone.now(),
    )
