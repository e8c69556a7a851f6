"""Every address of the product."""

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import include, path, re_path

from swarm_admin.api import api, unknown_route


def closed(request: HttpRequest) -> HttpResponse:
    """A page of the login library that is not offered here."""
    raise Http404


urlpatterns = [
    # An admin makes the accounts and vouches for their addresses: nobody adds one to sign in with.
    path("account/email/", closed),
    path("account/", include("allauth.urls")),
    path("", include("swarm_admin.access.urls")),
    path("api/", api.urls),
    re_path(r"^api(?:/|$)", unknown_route),
    path("", include("enrichment.urls")),
    path("", include("gdpr.urls")),
]
