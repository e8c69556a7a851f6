"""The tables of the flow, one module per noun."""

from enrichment.models.alert import Alert, AlertKind, AlertNotice, Severity
from enrichment.models.applied import AppliedWaterfall
from enrichment.models.campaign_move import CampaignMove
from enrichment.models.clay import ClayRun, ClaySource, ForgottenReference, SourceClosed, TestRow
from enrichment.models.connection import Connection, ServiceHold
from enrichment.models.connection_check import ConnectionCheck, Finding
from enrichment.models.contact_match import ContactMatch, ContactOwner, MatchAction, MatchedBy
from enrichment.models.drift import Drift, DriftKind, ReconcileRun, SeenRow
from enrichment.models.failure import FailureIgnore
from enrichment.models.formula import ClayFormula, Placement
from enrichment.models.handover import Disclosure, Handover
from enrichment.models.job import BulkJob, JobMember, RejectedRow
from enrichment.models.lead import Lead
from enrichment.models.lead_choices import Restriction, SourceType
from enrichment.models.lead_view import LeadView
from enrichment.models.provenance import FieldConflict, FieldFact
from enrichment.models.provider import Charge, Provider, ProviderService, WaterfallKind
from enrichment.models.rescore import AfterRescore, LeadChange, Rescore, TierMove
from enrichment.models.spend import CapPeriod, SpendBook, SpendCap, SpendEntry, TakenOver
from enrichment.models.version import DraftSave, ScorecardVersion, WaterfallVersion
from enrichment.models.webhook import Channel, Verdict, WebhookDelivery
from enrichment.models.work import Attempt, Batch, BatchItem

__all__ = [
    "AfterRescore",
    "Alert",
    "AlertKind",
    "AlertNotice",
    "AppliedWaterfall",
    "Attempt",
    "Batch",
    "BatchItem",
    "BulkJob",
    "CampaignMove",
    "CapPeriod",
    "Channel",
    "Charge",
    "ClayFormula",
    "ClayRun",
    "ClaySource",
    "Connection",
    "ConnectionCheck",
    "ContactMatch",
    "ContactOwner",
    "Disclosure",
    "DraftSave",
    "Drift",
    "DriftKind",
    "FailureIgnore",
    "FieldConflict",
    "FieldFact",
    "Finding",
    "ForgottenReference",
    "Handover",
    "JobMember",
    "Lead",
    "LeadChange",
    "LeadView",
    "MatchAction",
    "MatchedBy",
    "Placement",
    "Provider",
    "ProviderService",
    "ReconcileRun",
    "RejectedRow",
    "Rescore",
    "Restriction",
    "ScorecardVersion",
    "SeenRow",
    "ServiceHold",
    "Severity",
    "SourceClosed",
    "SourceType",
    "SpendBook",
    "SpendCap",
    "SpendEntry",
    "TakenOver",
    "TestRow",
    "TierMove",
    "Verdict",
    "WaterfallKind",
    "WaterfallVersion",
    "WebhookDelivery",
]
