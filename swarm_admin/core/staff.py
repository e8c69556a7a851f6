"""Who of the staff may do what."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.db.models import QuerySet


def with_permission(permission: str) -> QuerySet[Any]:
    """Active staff whose roles give them this permission."""
    return ModelBackend().with_perm(permission, is_active=True, include_superusers=False)
