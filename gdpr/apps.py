"""The law's side, as a Django application."""

from django.apps import AppConfig


class GdprConfig(AppConfig):
    name = "gdpr"
    verbose_name = "Data protection"

    def ready(self) -> None:
        from gdpr import alarms
        from gdpr.audit import check, pack, reading
        from gdpr.notices import notices
        from gdpr.records import register_export
        from gdpr.requests import late
        from gdpr.retention import retention

        reading.add_page("subjectrequest", "request")
        for lookout in (late.late, retention.late, notices.late, check.late):
            alarms.watch(lookout)
        pack.add_chapter(
            "register.csv", "every request: type, dates, outcome, how it was handled", register_export.lines
        )
        pack.add_chapter("verbs.csv", "what each verb in audit.jsonl means", pack.verb_lines)
