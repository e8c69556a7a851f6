from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccessConfig(AppConfig):
    """Who may do what: roles of staff, keys of programs."""

    name = "swarm_admin.access"
    label = "access"

    def ready(self) -> None:
        from swarm_admin.access.roles import create_roles

        # Without a sender: permissions of an app exist only after that app's own handlers ran.
        post_migrate.connect(create_roles, dispatch_uid="swarm_admin.access.roles")
