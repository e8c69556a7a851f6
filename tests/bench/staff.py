"""Somebody to look at the leads: signed in to the product, and to the stock admin."""

from django.contrib.auth.models import Group, User
from django.test import Client

from swarm_admin.access.roles import SALES_OPS
from tests.bench.servers import HOST


def cookies(*, stock: bool = False) -> dict[str, str]:
    """The headers of a request by a signed-in person with every right the list asks for."""
    email = "stock@example.com" if stock else "sales@example.com"
    user, _ = User.objects.get_or_create(username=email, email=email, is_staff=stock, is_superuser=stock)
    if not stock:
        user.groups.add(Group.objects.get(name=SALES_OPS))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    token = "a" * 32  # a browser's own choice, said twice: in the cookie and in the header
    session = client.cookies["sessionid"].value
    return {
        "Cookie": f"sessionid={session}; csrftoken={token}",
        "X-CSRFToken": token,
        "Origin": f"http://{HOST}",
        "Accept": "text/html",
        "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) bench",
    }
