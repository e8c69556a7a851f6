"""One mailbox in any spelling is one person to all who ask: mirror, request, gate, index, vendors."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from enrichment.models import FieldConflict, Lead
from enrichment.pipeline import intake
from enrichment.pipeline.mirror import applying
from enrichment.stores import people
from enrichment.stores.text_match import SearchPatterns
from enrichment.vendors.clay.fields import normalise
from enrichment.vendors.clay.wire import ClayRow
from gdpr.identity import Identity, digest, keys, validation
from gdpr.leftovers.search_patterns import patterns_for
from gdpr.models import SubjectRequest, Suppression
from gdpr.requests.pipeline.open import identity_hashes
from gdpr.suppression import gate
from swarm_admin.core import text_match
from swarm_admin.core.identifiers import emails, linkedin
from tests.factories import LeadFactory, lead_row

pytestmark = pytest.mark.django_db
SPELLINGS = (
    ("dora@xn--mller-kva.de", "dora@müller.de", "DORA@MÜLLER.DE"),
    (
        "stay-away@acme.example",
        "stay-away@acme.example\u200b",
        "stay-away@acme.example\u202e",
        "Stay-Away@ACME.example",
    ),
    ("weg@müller-bau.example", "weg@xn--mller-bau-q9a.example"),
)
PAIRS = [(one, other) for each in SPELLINGS for one in each for other in each]


@pytest.mark.parametrize("slug", ["undefined", "null", "n-a", "none", "me"])
def test_what_stands_for_no_profile_is_nobody_to_a_request_and_the_suppression_list(slug: str) -> None:
    with pytest.raises(ValidationError) as refused:
        validation.read_identity({"linkedin_url": f"https://www.linkedin.com/in/{slug}"})
    ((field, sentence),) = validation.sentences(refused.value)
    assert field == "linkedin_url"
    assert "must be a person's profile" in sentence
    assert f"/{slug}" not in sentence


def test_a_profile_in_letters_of_another_width_is_one_person_to_the_gate() -> None:
    gate.suppress(Identity("https://www.linkedin.com/in/anja-nguyen-0001"), reason="objection")
    taken = intake.accept([lead_row(linkedin_url="https://www.linkedin.com/in/\uff41nja-nguyen-0001")])
    assert (len(taken.accepted), taken.suppressed) == (0, 1)


@pytest.mark.parametrize(("suppressed", "seen"), PAIRS)
def test_the_gate_knows_every_spelling(suppressed: str, seen: str) -> None:
    gate.suppress(Identity(emails=(suppressed,)), reason="objection")
    assert gate.screen([Identity("https://www.linkedin.com/in/x", (seen,))], "intake") == {0}


@pytest.mark.parametrize(("stored", "asked"), PAIRS)
def test_the_mirror_is_searched_by_every_spelling(stored: str, asked: str) -> None:
    values, unreadable = normalise({"email_work": stored}, "US")
    assert not unreadable
    lead = LeadFactory(email_work=values["email_work"])
    circle = people.known_person(Identity(emails=(asked,)))
    assert [known.lead.pk for known in circle.known] == [lead.pk]
    assert circle.kinds(emails=[stored.upper()]) == (people.EMAIL,)
    assert list(Lead.objects.matching(asked)) == [lead]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_a_doubled_request_is_known_by_every_spelling(one: str, other: str) -> None:
    assert identity_hashes(Identity(emails=(one,))) == identity_hashes(Identity(emails=(other,)))
    assert SubjectRequest(emails=[one]).identity == SubjectRequest(emails=[other]).identity


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_a_raw_body_gives_the_person_away_in_every_spelling(one: str, other: str) -> None:
    assert SearchPatterns([], [one]).kinds(f'{{"email": "{other}"}}') == ("email",)


def test_older_software_sends_elsewhere_and_the_gate_blocks_both() -> None:
    gate.suppress(Identity(emails=("a@straße.de",)), reason="objection")
    assert gate.look_up([Identity(emails=("a@strasse.de",)), Identity(emails=("b@strasse.de",))]) == {0}


def test_whoever_was_suppressed_in_an_older_spelling_still_is() -> None:
    key_id, key = keys()[0]
    for old in ("email:dora@müller.de", "email:weg@xn--mller-bau-q9a.example"):
        Suppression.objects.create(identifier_hash=digest(old, key), key_id=key_id, reason="erasure")
    seen = [Identity(emails=(each,)) for each in ("dora@xn--mller-kva.de", "WEG@Müller-Bau.example")]
    assert gate.look_up(seen) == {0, 1}


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], deadline=None)
@given(
    local=st.text(alphabet="abcXYZ09.+-_äÖéß", min_size=1, max_size=12),
    host=st.sampled_from(("MÜLLER.de", "xn--mller-kva.de", "acme.Example", "straße.de", "日本語.jp")),
    noise=st.text(alphabet="\u200b\u202e\u2060\ufeff", max_size=2),
)
def test_all_users_agree(local: str, host: str, noise: str) -> None:
    given_address = f"{local}{noise}@{host}{noise}"
    values, unreadable = normalise({"email_work": given_address}, "US")
    if unreadable:
        return
    key = values["email_work"]
    assert emails.canonical(given_address) == key
    assert Identity(emails=(given_address,)).emails == (key,)
    assert Identity(emails=(key,)).identifiers() == Identity(emails=(emails.readable(key),)).identifiers()
    assert key in emails.as_kept_elsewhere([key])


# ------------------------------------------------------------ profiles

MEMBER = "ACwAAAa1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q"
PROFILES = (
    (f"linkedin.com/sales/lead/{MEMBER},NAME_SEARCH,ab1C", f"https://www.linkedin.com/sales/people/{MEMBER},NAME",
     f"https://www.linkedin.com/in/{MEMBER}"),
    ("https://www.linkedin.com/mwlite/profile/in/johndoe", "http://de.linkedin.com/in/JohnDoe/?trk=x",
     "linkedin.com/in/johndoe"),
)  # fmt: skip
PROFILE_PAIRS = [(one, other) for each in PROFILES for one in each for other in each]


@pytest.mark.parametrize(("stored", "asked"), PROFILE_PAIRS)
def test_a_profile_in_any_spelling_is_one_person_to_all(stored: str, asked: str) -> None:
    result = intake.accept([lead_row(linkedin_url=stored)])
    assert not result.rejected
    lead = Lead.objects.get()
    assert list(Lead.objects.matching(asked)) == [lead]
    assert [known.lead.pk for known in people.known_person(Identity(asked)).known] == [lead.pk]
    assert Identity(stored).identifiers() == Identity(asked).identifiers()
    assert identity_hashes(Identity(stored)) == identity_hashes(Identity(asked))
    assert SearchPatterns([lead.linkedin_url], []).kinds(f'{{"linkedin_url": "{asked}"}}') == ("linkedin_url",)
    assert linkedin.canonical(next(text_match.profiles_in_prose(f"I am {asked}, please"))) == lead.linkedin_url
    text = f'{{"url": "{stored}"}}'.lower().encode()
    assert any(needle.data in text for needle in patterns_for([("linkedin_url", asked)]))
    gate.suppress(Identity(asked), reason="objection")
    assert gate.look_up([lead.identity]) == {0}
    assert intake.accept([lead_row(linkedin_url=stored)]).suppressed == 1


# ------------------------------------------------------------ what is shared is no identity


def test_a_number_that_nobody_has_is_a_conflict() -> None:
    for number in ("000-000-0000", "111-111-1111", "555-0134"):
        values, unreadable = normalise({"phone": number}, "US")
        assert "phone" not in values
        assert "phone" in unreadable


def test_a_colleague_with_the_same_number_is_not_suppressed_and_loses_the_number() -> None:
    gate.suppress(Identity("https://www.linkedin.com/in/a", ("a@acme.example",), "+14155551234"), reason="objection")
    lead = LeadFactory(email_work="b@acme.example", clay_row_id="row_b")
    seen = Identity(lead.linkedin_url, ("b@acme.example",), "+1 (415) 555-1234")
    assert gate.screen([seen], "mirror") == set()
    assert gate.examine([seen], "mirror").shared == {0: {"phone:+14155551234"}}

    values = {"id": "row_b", "phone": "(415) 555-1234", "email_work": "b@acme.example", "title": "VP"}
    row = ClayRow.read(values)
    applying.apply(lead.pk, row, event_at=lead.received_at)
    lead.refresh_from_db()
    assert (lead.phone, lead.title) == ("", "VP")
    assert "555" not in str(lead.raw)
    conflict = FieldConflict.objects.get(lead=lead)
    assert (conflict.field, conflict.reason, conflict.value) == ("phone", "suppressed", "")


def test_an_office_is_nobody() -> None:
    gate.suppress(Identity("https://www.linkedin.com/in/a", ("info@acme.example",)), reason="objection")
    seen = [
        Identity("https://www.linkedin.com/in/b", ("info@acme.example",)),
        Identity(emails=("info@acme.example",)),
    ]
    assert gate.look_up(seen) == {1}
