import pytest

from enrichment.vendors.connections import clay, ghl, instantly, reset_clients
from enrichment.vendors.errors import Misconfigured

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh():
    reset_clients()
    yield
    reset_clients()


@pytest.mark.parametrize("make", [clay, ghl, instantly])
def test_one_client_per_process_until_reset(make):
    first = make()
    assert make() is first
    reset_clients()
    second = make()
    assert second is not first
    first.close()
    second.close()


@pytest.mark.parametrize(
    ("name", "make"), [("CLAY_API_KEY", clay), ("GHL_API_KEY", ghl), ("INSTANTLY_API_KEY", instantly)]
)
def test_no_key_is_said_before_any_call(settings, name, make):
    setattr(settings, name, " ")
    with pytest.raises(Misconfigured, match="no_key"):
        make()
