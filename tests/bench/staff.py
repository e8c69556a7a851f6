"""Somebody to look at the leads: signed in to the product, and to the stock admin."""

from django.conf import settings
from django.contrib.auth.models import Group
from django.test import Client

from swarm_admin.access.models import User
from swarm_admin.access.roles import SALES_OPS
from tests.bench.servers import HOST

# The stock admin knows Django's own backend alone.
BACKENDS = {False: settings.AUTHENTICATION_BACKENDS[0], True: "django.contrib.auth.backends.ModelBackend"}


def cookies(*, stock: bool = False) -> dict[str, str]:
    """The headers of a request by a signed-in person with every right the list asks for."""
    email = "stock@example.com" if stock else "sales@example.com"
    user, _ = User.objects.get_or_create(email=email, is_staff=stock, is_superuser=stock)
    if not stock:
        user.groups.add(Group.objects.get(name=SALES_OPS))
    client = Client()
    client.force_login(user, backend=BACKENDS[stock])
    token = "a" * 32  # a browser's own choice, said twice: in the cookie and in the header
    session = client.cookies["sessionid"].value
    return {
        "Cookie": f"sessionid={session}; csrftoken={token}",
        "X-CSRFToken": token,
        "Origin": f"http://{HOST}",
        "Accept": "text/html",
        "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) bench",
    }
