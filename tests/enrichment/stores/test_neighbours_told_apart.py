"""A copy of one person's data holds no address of another, though the vendor has put both into one contact."""

import pytest

from enrichment.models import Lead
from gdpr import stores
from gdpr.stores import Record
from tests.enrichment.stores.planting import PHONE, in_ghl, in_the_mirror
from tests.factories import LeadFactory

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_neighbours_further_address_is_left_out_and_counted(vendors):
    lead = in_the_mirror()
    contact = in_ghl(lead)
    LeadFactory(email_work="nora@acme.example", phone="+14155550199")
    further = {
        "additionalEmails": [{"email": "nora@acme.example"}, {"email": "erika@third.example"}],
        "additionalPhones": [{"phone": "+14155550199"}],
    }
    vendors.sandbox.ghl.put(f"/contacts/{contact}", json=further).raise_for_status()
    copy = stores.get_store("ghl").export(Record("ghl", contact))
    told = str(copy.data)
    assert "erika@third.example" in told
    assert PHONE in told
    assert "nora@" not in told
    assert "+14155550199" not in told
    assert copy.others == 2
    assert Lead.objects.count() == 2
