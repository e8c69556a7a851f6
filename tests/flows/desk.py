"""The compliance desk of a running product: two officers at their screens, and what each system holds of a person."""

import html
import json
from typing import Any

from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from enrichment.models import Lead, WebhookDelivery
from gdpr.models import RequestDocument, RequestStep, SubjectRequest
from swarm_admin.access.models import User
from swarm_admin.access.roles import COMPLIANCE
from tests.plugins.pipeline import quiet
from tests.plugins.product import Product
from tests.plugins.sandbox import PATIENCE_SECONDS, Sandbox, wait_for

VENDORS = ("clay", "ghl", "instantly")
Held = dict[str, Any]


class Officer:
    """A compliance officer who knows nothing but the screens."""

    def __init__(self, name: str) -> None:
        user = User.objects.create_user(f"{name}@example.com")
        user.groups.add(Group.objects.get(name=COMPLIANCE))
        self.email, self.client = user.email, Client()
        self.client.force_login(user)

    def open(self, kind: str, lead: Lead, **changes: Any) -> SubjectRequest:
        """By the form, as the lead's page fills it in."""
        shown = self.client.get("/requests/new/", {"of": f"mirror/lead:{lead.pk}", "kind": kind})
        filled = shown.context["form"].initial
        filled["received_at"] = f"{filled['received_at']:%Y-%m-%dT%H:%M}"
        sent = self.client.post("/requests/new/", {**filled, "channel": "email", **changes})
        assert sent.status_code == 302, sent.context["form"].errors
        return SubjectRequest.objects.get(pk=int(sent["Location"].strip("/").rpartition("/")[2]))

    def act(self, request: SubjectRequest, act: str, *, refused: str = "", **given: Any) -> None:
        """Press a button of the request's page; `refused` is what the page says where it cannot be."""
        answer = self.client.post(f"/requests/{request.pk}/do/{act}/", given)
        assert answer.status_code == (422 if refused else 302), answer.content.decode()[:2000]
        assert refused in html.unescape(answer.content.decode())

    def identify(self, request: SubjectRequest) -> None:
        self.act(request, "identified", method="reply")

    def reads(self, request: SubjectRequest, part: str = "") -> str:
        """The text of the request's page, or of its certificate."""
        shown = self.client.get(f"/requests/{request.pk}/{part}")
        assert shown.status_code == 200
        return html.unescape(shown.content.decode())

    def takes(self, document: RequestDocument) -> str:
        """A file of the request, downloaded."""
        answer = self.client.post(f"/requests/documents/{document.pk}/")
        assert answer["Content-Disposition"].startswith("attachment")
        return answer.content.decode("utf-8", "replace")


class Desk:
    """`first` takes requests in, `second` approves."""

    def __init__(self, product: Product, sandbox: Sandbox) -> None:
        self.product, self.sandbox = product, sandbox
        self.first, self.second = Officer("first"), Officer("second")

    # ------------------------------------------------------------ people

    def everywhere(self, *slugs: str) -> list[Lead]:
        """Colleagues whom the product has taken in, enriched and handed to every system."""
        rows = [
            {"linkedin_url": f"https://www.linkedin.com/in/{slug}", "company_name": "Acme Inc",
             "source_type": "event_attendee", "source_name": "SaaStr", "scraped_at": timezone.now().isoformat()}
            for slug in slugs
        ]  # fmt: skip
        self.product.http.post("/api/leads", json=rows).raise_for_status()
        known = Lead.objects.exclude(ghl_contact_id="").exclude(instantly_lead_id="").exclude(clay_row_id=None)
        wait_for(lambda: known.count() == len(slugs) and quiet())
        return [Lead.objects.get(linkedin_url=row["linkedin_url"]) for row in rows]

    def held(self, lead: Lead) -> Held:
        """All that each system holds of the person under the ids the mirror had; {} where it holds nothing."""
        kept = {vendor: self.records(vendor) for vendor in VENDORS}
        return {
            "mirror": _mirror(lead),
            "clay": kept["clay"].get(lead.clay_row_id, {}),
            "ghl": kept["ghl"].get(lead.ghl_contact_id, {}),
            "instantly": kept["instantly"].get(lead.instantly_lead_id, {}),
        }

    def records(self, vendor: str) -> dict[str, dict[str, Any]]:
        """A vendor's records by id."""
        state = self.sandbox.state(vendor)
        if vendor == "clay":
            rows = [row for table in state["tables"].values() for row in table]
        else:
            rows = state["contacts" if vendor == "ghl" else "leads"]
        return {row["id"]: row for row in rows}

    def systems_with(self, lead: Lead) -> list[str]:
        """The vendors of whose records any has one of the person's identifiers in it, under whatever id."""
        texts = {vendor: json.dumps(self.records(vendor)).lower() for vendor in VENDORS}
        return [vendor for vendor, text in texts.items() if any(word in text for word in identifiers(lead))]

    # ------------------------------------------------------------ waiting

    def until(self, request: SubjectRequest, *statuses: str, seconds: float = PATIENCE_SECONDS) -> None:
        """The request comes to one of these; else the error says where each step stands."""

        def there() -> bool:
            request.refresh_from_db()
            return request.status in statuses

        try:
            wait_for(there, seconds)
        except AssertionError:
            raise AssertionError((request.status, unfinished(request))) from None

    def located(self, kind: str, lead: Lead, **changes: Any) -> SubjectRequest:
        """A request whose plan waits for the second officer."""
        request = self.first.open(kind, lead, **changes)
        self.first.identify(request)
        self.until(request, "awaiting_approval")
        return request

    def approve(self, request: SubjectRequest) -> None:
        """By the second officer; whoever prepared it is refused."""
        self.first.act(request, "approve", plan_hash=request.plan_hash, refused="You prepared this plan. Someone else")
        self.second.act(request, "approve", plan_hash=request.plan_hash)

    def certificate(self, request: SubjectRequest) -> dict[str, Any]:
        """As an officer takes it, once it is issued."""
        kept = wait_for(request.documents.filter(kind="certificate").first)
        told: dict[str, Any] = json.loads(self.first.takes(kept))
        return told


def identifiers(lead: Lead) -> list[str]:
    """What nobody else has, in small letters; an address or a number that is not known is left out."""
    found = (lead.linkedin_url.rpartition("/")[2], lead.email_work, lead.email_personal, lead.phone)
    return [each.lower() for each in found if each]


def unfinished(request: SubjectRequest) -> list[tuple[str, ...]]:
    """Steps that are not done, for the error of a test."""
    steps = RequestStep.objects.filter(request=request).exclude(status="done")
    return list(steps.values_list("action", "store", "status", "error_message", "instructions"))


def steps_of(told: dict[str, Any]) -> list[dict[str, Any]]:
    """Every step of a certificate."""
    return [*told["steps"], *(step for record in told["records"] for step in record["steps"])]


def _mirror(lead: Lead) -> dict[str, Any]:
    """The lead's row, every row that belongs to it, and the raw messages about it."""
    row = Lead.objects.filter(pk=lead.pk).values().first()
    if row is None:
        return {}
    related = {
        each.name: list(each.related_model.objects.filter(**{each.field.name: lead.pk}).order_by("pk").values())
        for each in Lead._meta.related_objects
    }
    bodies = WebhookDelivery.objects.filter(row_id=lead.clay_row_id).order_by("pk").values_list("body", flat=True)
    return {"lead": row, **related, "bodies": [bytes(body) for body in bodies]}
