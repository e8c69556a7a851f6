"""The three roles of staff, as Django groups.

Permissions are made by `migrate`, app by app; a role takes those that exist and gets the others when
the app that declares them is migrated. What an admin adds to a group by hand stays.
"""

from django.contrib.auth.models import Group, Permission
from django.db.models import Q, QuerySet

SALES_OPS = "Sales ops"
COMPLIANCE = "Compliance"
ADMIN = "Admin"

PERSONAL_DATA = "enrichment.view_personal_data"

SALES_OPS_PERMISSIONS = (
    "enrichment.view_lead",
    "enrichment.retry_lead",
    "enrichment.deliver_lead",
    "enrichment.import_lead",
    "enrichment.handle_alert",
    "enrichment.mend_drift",
    "enrichment.edit_scorecard",
    "enrichment.edit_waterfall",
    "enrichment.set_budget",
    PERSONAL_DATA,
)
COMPLIANCE_PERMISSIONS = ("enrichment.view_lead", PERSONAL_DATA)  # and everything of `gdpr`
ADMIN_APPS = ("enrichment", "gdpr", "access", "auth")


def permissions_of(role: str) -> QuerySet[Permission]:
    """The permissions a role should have, as far as they exist now."""
    if role == ADMIN:
        # An admin runs the system; that needs nobody's phone number, nor who asked what of the compliance desk.
        return (
            Permission.objects.filter(content_type__app_label__in=ADMIN_APPS)
            .exclude(content_type__app_label="enrichment", codename="view_personal_data")
            .exclude(content_type__app_label="gdpr", content_type__model__in=("subjectrequest", "notice"))
        )
    names = SALES_OPS_PERMISSIONS if role == SALES_OPS else COMPLIANCE_PERMISSIONS
    wanted = Q(content_type__app_label="gdpr") if role == COMPLIANCE else Q()
    for name in names:
        app, codename = name.split(".")
        wanted |= Q(content_type__app_label=app, codename=codename)
    return Permission.objects.filter(wanted)


def create_roles(using: str = "default", **kwargs: object) -> None:
    """Create the groups and give them what exists; safe to run any number of times."""
    for role in (SALES_OPS, COMPLIANCE, ADMIN):
        group, _ = Group.objects.using(using).get_or_create(name=role)
        group.permissions.add(*permissions_of(role).using(using))
