"""The law's side, as a Django application."""

from django.apps import AppConfig


class GdprConfig(AppConfig):
    name = "gdpr"
    verbose_name = "Data protection"

    def ready(self) -> None:
        from gdpr import alarms
        from gdpr.audit_chain import check, links, pack, verbs
        from gdpr.notices import notices
        from gdpr.records import register_export
        from gdpr.retention import retention

        links.register("subjectrequest", "request")
        for lookout in (retention.late, notices.late, check.late):
            alarms.watch(lookout)
        pack.add_chapter(
            "register.csv", "every request: kind, days, outcome, how it was carried out", register_export.lines
        )
        pack.add_chapter("verbs.csv", "what each verb of audit.jsonl means", verbs.lines)
