"""The flow of a lead, as a Django application."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_delete

# Where the objects of our audit events are shown.
PAGES = {
    "lead": "lead",
    "handover": "delivery",
    "webhookdelivery": "webhook",
    "bulkjob": "job",
    "batch": "batch",
}


def _plant(sender: AppConfig, plan: Any = (), **kwargs: Any) -> None:
    """Seeds once every table is there: a migration back to an earlier state plants nothing."""
    from django.db import connection

    from enrichment.models import ProviderService
    from enrichment.seeds import insert_seeds

    if ProviderService._meta.db_table in connection.introspection.table_names():
        insert_seeds()


def _register_jobs() -> None:
    """Every kind of long work; each is a class in the room whose work it is."""
    from enrichment.deliveries.retry_job import RetryOfDeliveries
    from enrichment.failures.retry_job import RetryOfCause
    from enrichment.imports.importing import ImportJob
    from enrichment.jobs import kinds
    from enrichment.leads.retry_job import RetryOfLeads
    from enrichment.pilots.pilot import PilotJob
    from enrichment.scoring.moves import DeliverMoved
    from enrichment.scoring.rescore import RescoreJob

    for kind in (ImportJob, RetryOfCause, RetryOfLeads, RetryOfDeliveries, RescoreJob, DeliverMoved, PilotJob):
        kinds.register(kind())


class EnrichmentConfig(AppConfig):
    name = "enrichment"
    verbose_name = "Enrichment"

    def ready(self) -> None:
        from gdpr import compliance_alerts, identity
        from gdpr.audit import reading
        from gdpr.records import processing

        for object_type, page in PAGES.items():
            reading.register_page(object_type, page)
        from enrichment import stores, versions
        from enrichment.models import WaterfallVersion
        from enrichment.monitoring import compliance_alarms
        from enrichment.scoring.document_kind import SCORECARDS
        from enrichment.stores import processing as our_processing
        from enrichment.vendors import all as vendors
        from enrichment.waterfall import anonymous
        from enrichment.waterfall.document_kind import WATERFALLS

        pre_delete.connect(anonymous.keep_purchases, sender="enrichment.Lead")
        post_migrate.connect(_plant, sender=self)
        vendors.register_all()
        stores.register_all()
        for kind in (SCORECARDS, WATERFALLS):
            versions.register(kind)
        _register_jobs()
        compliance_alerts.subscribe(compliance_alarms.sync_alerts)
        identity.set_phone_country(lambda: str(WaterfallVersion.active().phone_country))
        processing.declare(our_processing.enrichment_of_leads)
