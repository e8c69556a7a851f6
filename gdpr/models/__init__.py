"""The tables of the law's side."""

from gdpr.models.audit import AuditEvent
from gdpr.models.suppression import Suppression

__all__ = ["AuditEvent", "Suppression"]
