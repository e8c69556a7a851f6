"""The law's side, as a Django application."""

from django.apps import AppConfig


class GdprConfig(AppConfig):
    name = "gdpr"
    verbose_name = "Data protection"
