"""Wiring: settings, addresses, background work, who may do what, bundled servers, the vendor sandbox."""

from swarm_admin.celery import app as celery_app

__all__ = ["celery_app"]
