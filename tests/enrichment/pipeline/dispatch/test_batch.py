"""What a batch's end means for its leads."""

import pytest

from enrichment.models import Lead
from enrichment.models.lead_queries import FILL_IN
from enrichment.pipeline.dispatch.batch import fail_leads
from enrichment.vendors.errors import Recovery, VendorError
from tests.factories import EnrichedLeadFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("recovery", [Recovery.NEEDS_PERSON, Recovery.UNENRICHABLE])
def test_a_fill_in_that_is_given_up_is_waited_for_no_more(recovery):
    lead = EnrichedLeadFactory(only_providers=["builtwith"], skip_providers=["hunter"])
    assert lead.awaits_fill_in
    fail_leads([lead.pk], VendorError("clay", "enrich", message="refused", recovery=recovery))
    lead.refresh_from_db()
    assert not lead.awaits_fill_in
    assert not Lead.objects.filter(FILL_IN).exists()
    assert (lead.enrichment_status, lead.skip_providers) == ("completed", [])
