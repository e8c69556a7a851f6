from django.core.management.base import BaseCommand

from swarm_admin.quarantine import Quarantine, work_through


class Command(BaseCommand):
    help = "Process work that crashed workers, one item at a time, until stopped."

    def handle(self, **options: object) -> None:
        Quarantine(work_through).run()
