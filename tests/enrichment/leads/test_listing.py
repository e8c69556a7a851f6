"""Every sort, forwards and back, by cursor and by number: the same leads in the same order."""

import datetime
import itertools

import pytest
from django.utils import timezone

from enrichment.leads import listing
from enrichment.leads.listing import SORTS, read_page
from enrichment.models import Lead
from tests.factories import LeadFactory

pytestmark = pytest.mark.django_db
SIZE = 4


@pytest.fixture
def leads() -> list[int]:
    """Nineteen leads with many ties, some without a score."""
    now = timezone.now()
    made = []
    for n in range(19):
        made.append(
            LeadFactory(
                company_name=f"Company {n % 3}",
                last_name=f"Name{n % 4}",
                icp_score=None if n % 5 == 0 else float(10 * (n % 3)),
                enrichment_status=["pending", "failed", "completed"][n % 3],
                received_at=now - datetime.timedelta(hours=n % 6),
            ).pk
        )
    return made


def narrow(found: listing.LeadQuerySet) -> listing.LeadQuerySet:
    return found.exclude(company_name="Company 1")


@pytest.mark.parametrize("walk", [2, 3_000])
@pytest.mark.parametrize("narrowed", [False, True])
@pytest.mark.parametrize("key", SORTS)
def test_pages_by_cursor_and_by_number_and_backwards_agree(
    leads: list[int], key: str, narrowed: bool, walk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "WALK", walk)
    sort, narrowing = SORTS[key], narrow if narrowed else None
    ordered = Lead.objects.order_by(*sort.order())
    expected = list((narrow(ordered) if narrowed else ordered).values_list("pk", flat=True))
    pages = [expected[i : i + SIZE] for i in range(0, len(expected), SIZE)]
    how = {"size": SIZE, "by_index": not narrowed, "narrow": narrowing}

    anchor, walked = None, []
    for number in itertools.count(1):
        part = read_page(Lead.objects.all(), sort, page=number, anchor=anchor, **how)
        walked.append([lead.pk for lead in part.rows])
        assert walked[-1] == [lead.pk for lead in read_page(Lead.objects.all(), sort, page=number, **how).rows]
        if not part.more_after:
            break
        anchor = part.rows[-1].pk
    assert walked == pages
    for earlier, later in itertools.pairwise(pages):
        part = read_page(Lead.objects.all(), sort, anchor=later[0], backwards=True, **how)
        assert [lead.pk for lead in part.rows] == earlier
        assert part.more_before == (earlier != pages[0])


def test_a_cursor_whose_lead_is_gone_falls_back_to_the_number(leads: list[int]) -> None:
    sort = SORTS["-received"]
    found = read_page(Lead.objects.all(), sort, size=SIZE, page=2, anchor=10**9)
    assert [lead.pk for lead in found.rows] == list(
        Lead.objects.order_by(*sort.order()).values_list("pk", flat=True)[SIZE : 2 * SIZE]
    )
