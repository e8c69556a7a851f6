"""Where the objects of audit events are shown; the packages outside tell their own pages here."""

from django.urls import NoReverseMatch, reverse

_pages: dict[str, str] = {}


def register(object_type: str, page: str) -> None:
    """Objects of this type (a model's name, lower case) have a page of that name that takes their key."""
    _pages[object_type] = page


def url_of(object_type: str, object_id: str) -> str:
    """The page of one object; empty where it has none."""
    page = _pages.get(object_type)
    if not page or not object_id.isdecimal():
        return ""
    try:
        return reverse(page, args=[int(object_id)])
    except NoReverseMatch:
        return ""
