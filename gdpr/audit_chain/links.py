"""Where the objects of audit events are shown; the packages outside tell their own pages here."""

from django.urls import NoReverseMatch, reverse

from swarm_admin.core.numbers import whole

_pages: dict[str, str] = {}


def register(object_type: str, page: str) -> None:
    """Objects of this type (a model's name, lower case) have a page of that name that takes their key."""
    _pages[object_type] = page


def url_of(object_type: str, object_id: str) -> str:
    """The page of one object; empty where it has none."""
    page = _pages.get(object_type)
    number = whole(object_id)
    if not page or number is None:
        return ""
    try:
        return reverse(page, args=[number])
    except NoReverseMatch:
        return ""
