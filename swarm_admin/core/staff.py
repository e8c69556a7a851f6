"""Who of the staff may do what."""

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet


def with_right(permission: str) -> QuerySet[Any]:
    """Active staff whose roles give them this permission."""
    people = get_user_model()._default_manager.with_perm(
        permission, backend="django.contrib.auth.backends.ModelBackend", include_superusers=False
    )
    return people.filter(is_active=True)
