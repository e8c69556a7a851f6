"""What Webhooks says of the messages about a person who is erased: what became of them before, and what since."""

import pytest
from django.utils import timezone

from enrichment.models import WebhookDelivery
from enrichment.webhooks.webhook_lists import webhook_figures
from tests.flows.desk import Desk
from tests.plugins.pipeline import SECRET
from tests.plugins.sandbox import wait_for

pytestmark = pytest.mark.flow


@pytest.mark.parametrize("more_settings", [{"CLAY_WEBHOOK_SECRET": SECRET}])
def test_a_message_that_was_processed_before_the_erasure_is_not_called_suppressed(desk: Desk) -> None:
    (lead,) = desk.everywhere("anna-acme")
    before = list(WebhookDelivery.objects.filter(lead=lead).order_by("pk").values_list("pk", "verdict"))
    assert before
    assert "suppressed" not in dict(before).values()
    since = timezone.now()
    request = desk.located("erasure", lead)
    desk.approve(request)
    desk.until(request, "completed")

    erased = WebhookDelivery.objects.filter(pk__in=dict(before))
    assert list(erased.order_by("pk").values_list("pk", "verdict")) == before
    assert {(bytes(each.body), each.row_id, each.lead_id) for each in erased} == {(b"", "", None)}
    assert all(since < each.erased_at < timezone.now() for each in erased)
    shown = desk.first.client.get(f"/webhooks/{before[0][0]}/").content.decode()
    assert "The row was fetched from Clay and applied to the lead. The person was erased later" in shown
    assert "suppressed" not in shown.lower()

    body = {"event": "row.enriched", "row_id": "row_of_nobody", "data": {"linkedin_url": lead.linkedin_url}}
    address, headers = "/webhooks/clay/enrichment-complete", {"X-Webhook-Secret": SECRET}
    desk.product.http.post(address, json=body, headers=headers).raise_for_status()
    late = wait_for(WebhookDelivery.objects.filter(status="processed", verdict="suppressed").first)
    assert late.erased_at is None
    assert "Nothing was kept" in desk.first.client.get(f"/webhooks/{late.pk}/").content.decode()
    assert webhook_figures()["verdicts"]["suppressed"] == 1
