"""Pages by cursor: every row once, both ways, in either order, whatever goes meanwhile."""

import datetime

import pytest
from django.http import QueryDict
from django.utils import timezone

from enrichment.models import Lead
from swarm_admin.core.paging import by_time, query_with
from tests.factories import LeadFactory

pytestmark = pytest.mark.django_db
AT = timezone.now()


@pytest.fixture
def leads():
    """Seven, of which three came in at one moment; the newest first."""
    minutes = (6, 5, 3, 3, 3, 1, 0)
    made = [LeadFactory(received_at=AT - datetime.timedelta(minutes=each)) for each in minutes]
    return [lead.pk for lead in reversed(made)]


def walk(backwards=False, **options):
    """The ids page by page, forwards to the end or from there back to the beginning."""
    pages, cursor = [], {"before": options.pop("begin")} if backwards else {}
    while True:
        page = by_time(Lead.objects.all(), size=3, **cursor, **options)
        pages.append([row.pk for row in page.rows])
        further = page.before if backwards else page.after
        if further is None:
            return pages
        cursor = {"before": further} if backwards else {"after": further}


@pytest.mark.parametrize("moment", ["", "received_at"])
@pytest.mark.parametrize("oldest_first", [False, True])
def test_every_row_comes_once_in_its_order(leads, moment, oldest_first):
    expected = leads[::-1] if oldest_first else leads
    assert walk(moment=moment, oldest_first=oldest_first) == [expected[:3], expected[3:6], expected[6:]]
    back = walk(backwards=True, begin=expected[6], moment=moment, oldest_first=oldest_first)
    assert back == [expected[3:6], expected[:3]]


def test_the_first_page_has_nothing_before_and_the_last_nothing_after(leads):
    first = by_time(Lead.objects.all(), size=4)
    assert (first.before, first.after) == (None, leads[3])
    last = by_time(Lead.objects.all(), size=4, after=leads[3])
    assert ([row.pk for row in last.rows], last.before, last.after) == (leads[4:], leads[4], None)
    back = by_time(Lead.objects.all(), size=4, before=leads[4])
    assert ([row.pk for row in back.rows], back.before, back.after) == (leads[:4], None, leads[3])
    whole = by_time(Lead.objects.all(), size=7)
    assert (len(whole.rows), whole.before, whole.after) == (7, None, None)


def test_after_counts_where_both_are_asked_for(leads):
    page = by_time(Lead.objects.all(), size=2, after=leads[1], before=leads[5])
    assert [row.pk for row in page.rows] == leads[2:4]


def test_behind_a_row_that_is_gone_a_list_by_id_goes_on_and_one_by_time_begins_anew(leads):
    Lead.objects.filter(pk=leads[2]).delete()
    assert [row.pk for row in by_time(Lead.objects.all(), size=2, after=leads[2]).rows] == leads[3:5]
    assert [row.pk for row in by_time(Lead.objects.all(), size=2, after=leads[2], moment="received_at").rows] == (
        leads[:2]
    )


def test_a_page_by_id_is_one_query(leads, django_assert_num_queries):
    with django_assert_num_queries(1):
        by_time(Lead.objects.all(), size=2, after=leads[2])


def test_of_no_rows_there_is_no_page():
    page = by_time(Lead.objects.all(), size=2, after=5)
    assert (page.rows, page.before, page.after) == ([], None, None)


def test_a_query_is_changed_in_a_copy():
    params = QueryDict("q=a%26b&size=25&size=50")
    assert query_with(params, size=100, page=None) == "q=a%26b&size=100"
    assert query_with(params, q=None, after=7) == "size=25&size=50&after=7"
    assert params.urlencode() == "q=a%26b&size=25&size=50"
