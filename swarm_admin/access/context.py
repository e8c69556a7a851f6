"""What every page needs of the person who looks at it."""

import functools
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from enrichment.alerts import count_open
from enrichment.monitoring import banners
from swarm_admin.access.demo_connector import connector_sentence
from swarm_admin.core.masking import may_see

# label, name of the address, icon, key after "g", permission
ENTRIES = (
    ("Overview", "overview", "layout-dashboard", "o", "enrichment.view_lead"),
    ("Leads", "leads", "users", "l", "enrichment.view_lead"),
    ("Failures", "failures", "alert-triangle", "f", "enrichment.view_lead"),
    ("Waterfall", "waterfall", "filter", "w", "enrichment.view_lead"),
    ("ICP", "icp", "target", "q", "enrichment.view_lead"),
    ("Jobs", "jobs", "progress", "j", "enrichment.view_lead"),
    ("Import", "import", "upload", "i", "enrichment.import_lead"),
    ("Webhooks", "webhooks", "webhook", "h", "enrichment.view_lead"),
    ("Deliveries", "deliveries", "send", "d", "enrichment.view_lead"),
    ("Vendor limits", "limits", "gauge", "m", "enrichment.view_lead"),
    ("Sync with Clay", "drift", "git-compare", "t", "enrichment.view_lead"),
    ("Alerts", "alerts", "bell", "a", "enrichment.view_lead"),
    ("Requests", "requests", "user-shield", "r", "gdpr.view_request"),
    ("Legal holds", "legal_holds", "lock", "k", "gdpr.view_request"),
    ("Message templates", "texts", "file-text", "x", "gdpr.view_request"),
    ("Suppression", "suppressions", "user-off", "s", "gdpr.view_suppression"),
    ("Retention", "retention", "calendar-x", "e", "gdpr.view_retention"),
    ("Notices", "notices", "mail", "n", "gdpr.view_retention"),
    ("Record of processing", "processing", "file-certificate", "p", "gdpr.view_retention"),
    ("Audit log", "audit", "shield-check", "u", "gdpr.view_auditevent"),
    ("Connections", "connections", "plug-connected", "c", "enrichment.view_lead"),
    ("Staff and keys", "staff", "users-group", "y", "access.change_user"),
)


@dataclass(frozen=True)
class Entry:
    """One entry of the left navigation."""

    label: str
    url: str
    icon: str
    key: str
    active: bool


def navigation(request: HttpRequest) -> dict[str, Any]:
    """The entries this person may use, the roles' names, open holds; each asked for only if a page uses it."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"navigation": [], "show_holds": False, "demo_sentence": SimpleLazyObject(connector_sentence)}
    works_here = user.has_perm("enrichment.view_lead")
    above = functools.cache(banners.current_banners)
    return {
        "navigation": _entries(request),
        "roles": SimpleLazyObject(lambda: ", ".join(user.groups.values_list("name", flat=True))),
        "show_holds": works_here,
        "standstill": SimpleLazyObject(lambda: above().standstill),
        "holds": SimpleLazyObject(lambda: above().holds),
        "rescore": SimpleLazyObject(lambda: above().rescore),
        "reached_caps": SimpleLazyObject(lambda: above().caps),
        "alert_counts": SimpleLazyObject(lambda: count_open(user)),
        "find_url": reverse("find") if works_here and may_see(user) else "",
    }


def _entries(request: HttpRequest) -> list[Entry]:
    found = []
    for label, name, icon, key, permission in ENTRIES:
        if not request.user.has_perm(permission):
            continue
        url = reverse(name)
        active = request.path == url or (url != "/" and request.path.startswith(url))
        found.append(Entry(label, url, icon, key, active))
    return found
