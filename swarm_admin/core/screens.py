"""Who may open a screen, and by which methods: one decorator for every view of ours."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.contrib.auth.decorators import login_required, permission_required
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


def screen(permission: str | tuple[str, ...], *methods: str, fragments: bool = False) -> Callable[[View], View]:
    """For whoever is signed in and has `permission`, by these `methods` (GET if none is named).

    Another method is answered 405, nobody's session is sent to the login, and a missing right is a 403.
    `fragments`: htmx gets a part of the page at the same address, which no cache may take for the whole.
    """

    def guarded(view: View) -> View:
        opened: Any = vary_on_headers("HX-Request")(view) if fragments else view
        opened = permission_required(permission, raise_exception=True)(opened)
        opened = login_required(opened)
        checked: View = require_http_methods(methods or ("GET",))(opened)
        return checked

    return guarded
