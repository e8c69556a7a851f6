"""The tables of the law's side."""

from gdpr.models.audit import AuditAnchor, AuditCheck, AuditContext, AuditEvent, AuditSeal, UnsealedEvent
from gdpr.models.check import CheckMethod, CheckResult, IdentityCheck
from gdpr.models.document import DocumentKind, RequestDocument
from gdpr.models.duty import AfterCheck
from gdpr.models.hold import LegalHold
from gdpr.models.message import MessageTemplate, RequestMessage
from gdpr.models.notice import Notice, NoticeChannel, NoticeRun
from gdpr.models.pause import PauseReason, RequestPause
from gdpr.models.purge import Purge, PurgeReason, PurgeRecord
from gdpr.models.record import Decision, FoundRecord
from gdpr.models.request import Channel, RefusalGround, SubjectRequest
from gdpr.models.step import RequestStep, StepAttempt
from gdpr.models.suppression import Suppression
from gdpr.regimes.rules import Regime

__all__ = [
    "AfterCheck",
    "AuditAnchor",
    "AuditCheck",
    "AuditContext",
    "AuditEvent",
    "AuditSeal",
    "Channel",
    "CheckMethod",
    "CheckResult",
    "Decision",
    "DocumentKind",
    "FoundRecord",
    "IdentityCheck",
    "LegalHold",
    "MessageTemplate",
    "Notice",
    "NoticeChannel",
    "NoticeRun",
    "PauseReason",
    "Purge",
    "PurgeReason",
    "PurgeRecord",
    "RefusalGround",
    "Regime",
    "RequestDocument",
    "RequestMessage",
    "RequestPause",
    "RequestStep",
    "StepAttempt",
    "SubjectRequest",
    "Suppression",
    "UnsealedEvent",
]
