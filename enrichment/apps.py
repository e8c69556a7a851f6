"""The flow of a lead, as a Django application."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


def _plant(sender: AppConfig, plan: Any = (), **kwargs: Any) -> None:
    """Seeds once every table is there: a migration back to an earlier state plants nothing."""
    from django.db import connection

    from enrichment.models import ProviderService
    from enrichment.seeds import plant

    if ProviderService._meta.db_table in connection.introspection.table_names():
        plant()


class EnrichmentConfig(AppConfig):
    name = "enrichment"
    verbose_name = "Enrichment"

    def ready(self) -> None:
        post_migrate.connect(_plant, sender=self)
