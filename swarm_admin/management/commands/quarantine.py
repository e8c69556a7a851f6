from django.core.management.base import BaseCommand

from swarm_admin.quarantine import Quarantine, work_through


class Command(BaseCommand):
    help = "Do the work that workers were lost over, one piece at a time, until told to stop."

    def handle(self, **options: object) -> None:
        Quarantine(work_through).run()
