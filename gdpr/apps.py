"""The law's side, as a Django application."""

from django.apps import AppConfig


class GdprConfig(AppConfig):
    name = "gdpr"
    verbose_name = "Data protection"

    def ready(self) -> None:
        from gdpr import compliance_alerts
        from gdpr.audit import check, pack, reading
        from gdpr.notices import notices
        from gdpr.records import register_export
        from gdpr.requests import overdue
        from gdpr.retention import retention

        reading.register_page("subjectrequest", "request")
        for check_alerts in (
            overdue.overdue_alerts,
            retention.overdue_alerts,
            notices.overdue_alerts,
            check.audit_alerts,
        ):
            compliance_alerts.register_check(check_alerts)
        pack.register_chapter(
            "register.csv", "every request: type, dates, outcome, how it was handled", register_export.export_rows
        )
        pack.register_chapter("verbs.csv", "what each verb in audit.jsonl means", pack.verb_lines)
