"""Record of processing (Art. 30), to read and to print."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from gdpr.records import processing
from swarm_admin.core.screens import screen


@screen("gdpr.view_retention")
def show(request: HttpRequest) -> HttpResponse:
    context = {
        "activities": processing.activities(),
        "security": processing.security(),
        "controller": {"name": settings.CONTROLLER_NAME, "contact": settings.CONTROLLER_CONTACT},
        "at": timezone.now(),
    }
    return render(request, "gdpr/records/processing.html", context)
