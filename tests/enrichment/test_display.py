"""How values look."""

import datetime
from decimal import Decimal

import pytest
from django.template import Context, Template
from django.test import Client
from django.utils import timezone

from enrichment.labels import LOOKS
from enrichment.models import ServiceHold, Verdict
from enrichment.templatetags.display import relative, words
from swarm_admin.access.models import User
from swarm_admin.core.masking import mask
from swarm_admin.core.number_format import money, number
from swarm_admin.core.states import TRANSITIONS


def rendered(markup: str, **context: object) -> str:
    return Template("{% load display %}" + markup).render(Context(context))


@pytest.mark.parametrize("status", [s for machine in (*TRANSITIONS, Verdict) for s in machine])
def test_every_status_has_a_look_an_icon_and_words(status: str) -> None:
    icon, colour = LOOKS[str(status)]
    text = rendered("{% status_badge status %}", status=status)
    assert f"ti-{icon}" in text
    assert f"st-{colour}" in text
    assert status.label in text


@pytest.mark.django_db
def test_tiers_and_scores() -> None:
    assert "Tier 1" in rendered("{% tier_badge 1 %}")
    assert "Not scored" in rendered("{% tier_badge None %}")
    assert 'width="95"' in rendered("{% score_bar 95.0 %}")
    assert ">95<" in rendered("{% score_bar 95.0 %}")
    assert 'width="100"' in rendered("{% score_bar 130 %}")
    assert "rect" not in rendered("{% score_bar None %}")


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(1, "just now"), (59, "59 s ago"), (61, "1 min ago"), (7300, "2 h ago"), (200_000, "2 d ago")],
)
def test_relative_times(seconds: int, expected: str) -> None:
    assert relative(timezone.now() - datetime.timedelta(seconds=seconds)) == expected


def test_times_to_come_and_long_gone() -> None:
    assert relative(timezone.now() + datetime.timedelta(minutes=40, seconds=1)) == "in 40 min"
    assert relative(datetime.datetime(2020, 1, 2, tzinfo=datetime.UTC)) == "2 Jan 2020"
    moment = datetime.datetime(2026, 1, 15, 10, 5, 7, tzinfo=datetime.UTC)
    assert 'title="2026-01-15 10:05:07 UTC"' in rendered("{% ago m %}", m=moment)


@pytest.mark.parametrize(
    ("seconds", "told"), [(90, "in 1 min"), (20.5, "in 20 s"), (3, "now"), (0, "now"), (-600, "now")]
)
def test_what_is_to_come_is_never_told_as_over(seconds: float, told: str) -> None:
    moment = timezone.now() + datetime.timedelta(seconds=seconds)
    assert f">{told}</time>" in rendered("{% due m %}", m=moment)


@pytest.mark.django_db
def test_a_pause_is_not_said_to_have_been_asked_just_now(sales_client: Client) -> None:
    until = timezone.now() + datetime.timedelta(seconds=2)
    ServiceHold.objects.create(
        system="clay", reason="vendor_down", until=until, since=timezone.now() - datetime.timedelta(hours=1)
    )
    for place in ("/", "/connections/"):
        page = sales_client.get(place).content.decode()
        assert "Next check <time" in page
        assert "just now" not in page.split("Next check", 1)[1][:200]


def test_numbers_and_money() -> None:
    assert number(1234567) == "1,234,567"
    assert number(12.5) == "12.5"
    assert number(None) == "\u2013"
    assert money(Decimal("1234.5")) == "$1,234.50"
    assert money(Decimal("0.0312"), 4) == "$0.0312"
    assert money(None) == "$0.00"
    assert words("pause_until_reset") == "pause until reset"


def test_masks_keep_nothing_that_finds_a_person() -> None:
    assert mask("Ada Maria Kowalska", "name") == "A. M. K."
    assert mask("ada@acme.example", "email") == "a•••@•••"
    assert mask("+14155551234", "phone") == "••• 34"
    assert mask("anything else") == "•••"
    assert mask("", "email") == mask(None) == ""


@pytest.mark.django_db
def test_personal_values_are_masked_for_people_without_the_right() -> None:
    person = User.objects.create_user("plain")
    chief = User.objects.create_superuser("chief")
    markup = '{% personal "ada@acme.example" "email" %}'
    assert rendered(markup, user=person) == "a•••@•••"
    assert rendered(markup) == "a•••@•••"
    assert rendered(markup, user=chief) == "ada@acme.example"
