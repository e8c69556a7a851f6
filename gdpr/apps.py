"""The law's side, as a Django application."""

from django.apps import AppConfig


class GdprConfig(AppConfig):
    name = "gdpr"
    verbose_name = "Data protection"

    def ready(self) -> None:
        from gdpr import alarms, links, notices, register, retention
        from gdpr.ledger import check, pack, verbs

        links.register("subjectrequest", "request")
        for lookout in (retention.late, notices.late, check.late):
            alarms.watch(lookout)
        pack.add_chapter(
            "register.csv", "every request: kind, days, outcome, how it was carried out", register.lines
        )
        pack.add_chapter("verbs.csv", "what each verb of audit.jsonl means", verbs.lines)
