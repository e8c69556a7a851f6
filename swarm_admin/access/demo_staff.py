"""People to try the product with; only where the vendors are stand-ins."""

from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group

from swarm_admin.access.models import User
from swarm_admin.access.roles import ADMIN, COMPLIANCE, SALES_OPS

# Printed at every start and never used outside the demo, which listens on loopback only.
PEOPLE = (
    ("sales@swarm.demo", "Sam", "Sales", SALES_OPS, "sales-demo-harbour"),
    ("compliance@swarm.demo", "Cora", "Compliance", COMPLIANCE, "compliance-demo-lantern"),
    # An erasure is approved by another officer than the one who handled it.
    ("approver@swarm.demo", "Anna", "Approver", COMPLIANCE, "approver-demo-willow"),
    ("admin@swarm.demo", "Ada", "Admin", ADMIN, "admin-demo-meadow"),
)


def create_demo_staff() -> list[tuple[str, str, str]]:
    """Make the accounts, or set them right again; (role, e-mail, password) of each."""
    for email, first_name, last_name, role, password in PEOPLE:
        user, _ = User.objects.get_or_create(email=email, defaults={"first_name": first_name, "last_name": last_name})
        if not user.check_password(password):
            user.set_password(password)
            user.save(update_fields=["password"])
        user.groups.set([Group.objects.get(name=role)])
        EmailAddress.objects.get_or_create(user=user, email=email, defaults={"verified": True, "primary": True})
    return [(role, email, password) for email, _, _, role, password in PEOPLE]
