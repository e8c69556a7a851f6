"""The tables of the flow, one module per noun."""

from enrichment.models.alert import Alert, AlertKind, AlertNotice, Severity
from enrichment.models.connection import Connection, ServiceHold
from enrichment.models.drift import Drift, DriftKind, ReconcileRun, SeenRow
from enrichment.models.failure import FailureIgnore
from enrichment.models.handover import Disclosure, Handover
from enrichment.models.job import BulkJob, JobMember, RejectedRow
from enrichment.models.lead import Lead, SourceType
from enrichment.models.provenance import FieldConflict, FieldFact
from enrichment.models.provider import Provider, ProviderService, WaterfallKind
from enrichment.models.version import ScorecardVersion, WaterfallVersion
from enrichment.models.webhook import Verdict, WebhookDelivery
from enrichment.models.work import Attempt, Batch, BatchItem

__all__ = [
    "Alert",
    "AlertKind",
    "AlertNotice",
    "Attempt",
    "Batch",
    "BatchItem",
    "BulkJob",
    "Connection",
    "Disclosure",
    "Drift",
    "DriftKind",
    "FailureIgnore",
    "FieldConflict",
    "FieldFact",
    "Handover",
    "JobMember",
    "Lead",
    "Provider",
    "ProviderService",
    "ReconcileRun",
    "RejectedRow",
    "ScorecardVersion",
    "SeenRow",
    "ServiceHold",
    "Severity",
    "SourceType",
    "Verdict",
    "WaterfallKind",
    "WaterfallVersion",
    "WebhookDelivery",
]
