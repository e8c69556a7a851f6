"""The web process's entry point: `granian --interface asginl --http 1 swarm_admin.asgi:application`."""

from django.conf import settings

from swarm_admin.web.bridge import Bridge
from swarm_admin.web.sockets import allow_many_connections
from swarm_admin.wsgi import application as wsgi_application  # sets Django up

from enrichment.webhooks.views import count_incomplete  # isort: skip
from swarm_admin.web.uploads import most_bytes  # isort: skip

allow_many_connections()
application = Bridge(
    wsgi_application,
    threads=settings.WEB_THREADS,
    always_kept=settings.WEBHOOK_MAX_BYTES,
    most_bytes=most_bytes,
    on_incomplete=count_incomplete,
)
