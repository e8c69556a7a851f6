"""What the law's side finds due or late becomes alerts, seen and heard by officers alone."""

from collections.abc import Sequence

from enrichment.alerts import Cause, close, raise_alert
from enrichment.models import Alert, AlertKind, Severity
from gdpr.compliance_alerts import ComplianceAlert


def sync_alerts(alarms: Sequence[ComplianceAlert]) -> None:
    """The alarms that hold now, all of them: what is not among them any more is over."""
    holding = set()
    for alarm in alarms:
        subject = f"{alarm.kind}:{alarm.request_id}"
        holding.add(subject)
        severity = Severity.CRITICAL if alarm.severe else Severity.WARNING
        raise_alert(Cause(AlertKind.COMPLIANCE, subject=subject), alarm.sentence, severity=severity)
    is_open = Alert.objects.filter(kind=AlertKind.COMPLIANCE, closed_at__isnull=True)
    for subject in is_open.exclude(subject__in=holding).values_list("subject", flat=True):
        close(Cause(AlertKind.COMPLIANCE, subject=subject))
