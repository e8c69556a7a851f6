"""Record of processing (Art. 30), to read and to print."""

from django.conf import settings
from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from gdpr.records import processing


@require_GET
@login_required
@permission_required("gdpr.view_retention", raise_exception=True)
def show(request: HttpRequest) -> HttpResponse:
    context = {
        "activities": processing.activities(),
        "security": processing.security(),
        "controller": {"name": settings.CONTROLLER_NAME, "contact": settings.CONTROLLER_CONTACT},
        "at": timezone.now(),
    }
    return render(request, "gdpr/records/processing.html", context)
