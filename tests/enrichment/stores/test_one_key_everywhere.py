"""Whatever spelling of an address, a number or a profile a request gives, all four systems find the person by it."""

import itertools
import unicodedata
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enrichment.models import Lead, WaterfallVersion
from enrichment.models.version import forget_active
from enrichment.vendors.clay.fields import normalise
from gdpr import stores
from gdpr.identity import Identity
from gdpr.models import Suppression
from gdpr.suppression import gate
from swarm_admin.core.identifiers import emails
from tests.enrichment.stores.planting import in_clay, in_ghl, in_instantly, in_the_mirror
from tests.plugins.pipeline import Pipeline

pytestmark = pytest.mark.django_db(transaction=True)
STORES = ("mirror", "clay", "ghl", "instantly")
# Each in its own script, and as it goes over the wire.
HOSTS = (
    ("acme.example", "acme.example"),
    ("müller-bau.example", "xn--mller-bau-q9a.example"),
    ("日本語.example", "xn--wgv71a119e.example"),
)
NATIONAL = (
    "(415) 555-{0:04}",
    "415-555-{0:04}",
    "1 415 555 {0:04}",
    "+1.415.555.{0:04}",
    "001 415 555{0:04}",
)
_numbers = itertools.count(1000)


@dataclass(frozen=True)
class Spelling:
    """How somebody writes an address: the host's script, capitals, what nobody sees, how accents are made."""

    script: int
    shout: bool
    unseen: str
    form: str

    def of(self, local: str, hosts: tuple[str, str]) -> str:
        text = f"{local}{self.unseen}@{hosts[self.script]}{self.unseen}"
        return unicodedata.normalize(self.form, text.upper() if self.shout else text)


spelt = st.builds(
    Spelling,
    script=st.sampled_from((0, 1)),
    shout=st.booleans(),
    unseen=st.sampled_from(("", "\u200b", "\u202e", "\ufeff", "\u2060\u200d")),
    form=st.sampled_from(("NFC", "NFD")),
)
locals_ = st.sampled_from(("dora", "d.o+x", "zoë", "o'neil"))
bounded = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@bounded
@given(local=locals_, hosts=st.sampled_from(HOSTS), sent=spelt, asked=spelt)
def test_an_address_in_any_spelling_leads_to_all_four(
    vendors: Pipeline, local: str, hosts: tuple[str, str], sent: Spelling, asked: Spelling
) -> None:
    number = next(_numbers)
    local = f"{local}{number}"
    lead = _everywhere(number, email_work=sent.of(local, hosts))
    identity = Identity(emails=(asked.of(local, hosts),))
    assert _found(identity) == dict.fromkeys(STORES, 1)
    assert list(Lead.objects.matching(asked.of(local, hosts))) == [lead]
    _suppressed_by_either(identity, Identity(emails=(lead.email_work,)))


@bounded
@given(local=locals_, hosts=st.sampled_from(HOSTS), kept=st.sampled_from((0, 1)), asked=spelt)
def test_what_a_vendor_keeps_of_its_own_in_either_script_is_found(
    vendors: Pipeline, local: str, hosts: tuple[str, str], kept: int, asked: Spelling
) -> None:
    """Somebody typed the address in there, and nothing of ours points to it."""
    local = f"{local}{next(_numbers)}"
    typed = f"{local}@{hosts[kept]}"
    stranger = Lead(linkedin_url=f"https://www.linkedin.com/in/{local}", email_work=typed)
    in_ghl(stranger, known=False)
    in_instantly(stranger, known=False)
    found = _found(Identity(emails=(asked.of(local, hosts),)))
    assert (found["ghl"], found["instantly"]) == (1, 1)


@bounded
@given(sent=st.sampled_from(NATIONAL), asked=st.sampled_from(NATIONAL))
def test_a_number_in_any_spelling_leads_to_all_that_keep_it(vendors: Pipeline, sent: str, asked: str) -> None:
    number = next(_numbers)
    lead = _everywhere(number, phone=sent.format(number))
    identity = Identity(phone=asked.format(number))
    found = _found(identity)
    assert (found["mirror"], found["ghl"]) == (1, 1)
    assert list(Lead.objects.matching(asked.format(number))) == [lead]
    _suppressed_by_either(identity, Identity(phone=lead.phone))


def test_a_number_without_its_country_is_of_the_published_waterfalls(vendors: Pipeline) -> None:
    live = WaterfallVersion.active()
    phone = {**live.document["waterfall_phone"], "country_default": "DE"}
    WaterfallVersion.objects.filter(pk=live.pk).update(document={**live.document, "waterfall_phone": phone})
    forget_active()
    lead = _everywhere(next(_numbers), phone="+4930123456")
    identity = Identity(phone="030 123456")
    assert identity == Identity(phone=lead.phone)
    found = _found(identity)
    assert (found["mirror"], found["ghl"]) == (1, 1)


def _everywhere(number: int, **given: str) -> Lead:
    """A lead as intake keeps it, and what the product sends of it in each system."""
    values, unreadable = normalise({"email_work": f"x{number}@acme.example", **given}, "US")
    assert not unreadable
    url = f"https://www.linkedin.com/in/person-{number}"
    empty: dict[str, Any] = {"email_personal": "", "phone": ""}
    lead = in_the_mirror(**{**empty, **values, "linkedin_url": url})
    in_clay(lead)
    in_ghl(lead)
    in_instantly(lead)
    return lead


def _found(identity: Identity) -> dict[str, int]:
    return {name: len(stores.get_store(name).locate(identity)) for name in STORES}


def _suppressed_by_either(one: Identity, other: Identity) -> None:
    """Whichever of the two is suppressed, the other does not pass; and both are one key."""
    assert one == other
    for first, second in ((one, other), (other, one)):
        Suppression.objects.all().delete()
        gate.suppress(first, reason="objection")
        assert gate.look_up([second]) == {0}
    Suppression.objects.all().delete()


def test_the_hosts_of_these_tests_are_pairs() -> None:
    for own, wire in HOSTS:
        assert emails.canonical(f"a@{own}") == f"a@{wire}"
