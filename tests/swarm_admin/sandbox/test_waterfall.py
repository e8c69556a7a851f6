from typing import Any

import phonenumbers
import pytest

from swarm_admin.sandbox import icp
from swarm_admin.sandbox.config import Config
from swarm_admin.sandbox.faults import Faults
from swarm_admin.sandbox.limits import Limits
from swarm_admin.sandbox.stats import Stats
from swarm_admin.sandbox.waterfall import CATALOGUE, DEFAULT, Result, Run

PEOPLE = [f"https://www.linkedin.com/in/lead-{n}" for n in range(300)]


def run(url: str, document: dict[str, Any], skip: set[str] = frozenset(), **switches: Any) -> Result:
    config = Config(untidy=False)
    config.change(switches)
    return Run({"linkedin_url": url}, config, Faults(1), Stats(), Limits(config)).go(document, set(skip))


def asked(result: Result) -> list[str]:
    return [each["name"] for each in result.providers_used if each["name"] != "linkedin"]


def email(providers: list[str], **options: Any) -> dict[str, Any]:
    return {"waterfall_email": {"providers": providers, **options}}


def test_providers_are_asked_in_the_order_sent_until_one_hits() -> None:
    order = ["hunter", "clearbit", "apollo"]
    for url in PEOPLE:
        result = run(url, email(order, stop_on_success=True))
        names = asked(result)
        assert names == order[: len(names)]
        assert [bool(each["fields_enriched"]) for each in result.providers_used[1:]] == [False] * (len(names) - 1) + [
            True
        ]
    assert {len(asked(run(url, email(order, stop_on_success=True)))) for url in PEOPLE} >= {1, 2}


def test_without_stop_all_are_asked_and_the_first_value_stands() -> None:
    result = run(PEOPLE[0], email(["apollo", "hunter", "pdl"], stop_on_success=False))
    assert asked(result) == ["apollo", "hunter", "pdl"]


def test_skipped_providers_are_not_asked() -> None:
    result = run(PEOPLE[0], DEFAULT, {"apollo", "builtwith", "linkedin"})
    assert {"apollo", "builtwith", "linkedin"}.isdisjoint(each["name"] for each in result.providers_used)
    assert "title" not in result.values
    assert result.values["email_work"]


def test_the_tech_stack_is_merged_and_cut() -> None:
    both = {"waterfall_techstack": {"providers": ["builtwith", "wappalyzer"], "merge_results": True}}
    first = {"waterfall_techstack": {"providers": ["builtwith", "wappalyzer"], "merge_results": False}}
    runs = [(run(url, both).values, run(url, first).values) for url in PEOPLE]
    stacks = [(merged["tech_stack"], single["tech_stack"]) for merged, single in runs if single.get("tech_stack")]
    assert all(set(merged) >= set(single) for merged, single in stacks)
    assert any(len(merged) > len(single) for merged, single in stacks)
    both["waterfall_techstack"]["limit"] = 2
    assert max(len(run(url, both).values.get("tech_stack", [])) for url in PEOPLE) == 2


def test_phones_are_e164_where_asked_for_and_mixed_otherwise() -> None:
    def phones(**options: Any) -> list[str]:
        document = {"waterfall_phone": {"providers": ["cognism", "lusha"], **options}}
        found = [run(url, document).values.get("phone") for url in PEOPLE]
        return [phone for phone in found if phone]

    assert all(phone.startswith("+1") for phone in phones(format="e164"))
    plain = phones()
    assert {phone[0] for phone in plain} == {"+", "("}
    assert all(phonenumbers.is_valid_number(phonenumbers.parse(phone, "US")) for phone in plain)


def test_costs_are_the_catalogues() -> None:
    for each in run("https://www.linkedin.com/in/johndoe", DEFAULT).providers_used:
        if "cost" in each:
            assert each["cost"] in {part[each["name"]][1] for part in CATALOGUE.values() if each["name"] in part}


def test_hit_rates_and_tiers_are_mixed() -> None:
    results = [run(url, DEFAULT) for url in PEOPLE]
    tiers = [icp.tier(icp.score(result.values)) for result in results]
    shares = {tier: tiers.count(tier) / len(tiers) for tier in set(tiers)}
    assert 0.08 < shares["Tier 1"] < 0.25
    assert 0.30 < shares["Tier 2"] < 0.55
    hits = [bool(result.providers_used[1]["fields_enriched"]) for result in results]
    assert 0.8 < sum(hits) / len(hits) < 0.98


def test_untidy_types_appear() -> None:
    values = [run(url, DEFAULT, untidy=True).values for url in PEOPLE]
    assert {type(each["company_size"]) for each in values if "company_size" in each} == {int, str}
    assert {type(each["tech_stack"]) for each in values if "tech_stack" in each} == {list, str}


def test_a_provider_over_its_hourly_limit_is_silently_a_miss() -> None:
    config, stats = Config(providers_per_hour={"builtwith": 2}), Stats()
    limits = Limits(config)
    document = {"waterfall_techstack": {"providers": ["builtwith"]}}
    for url in PEOPLE[:5]:
        Run({"linkedin_url": url}, config, Faults(1), stats, limits).go(document, set())
    assert (stats.providers["builtwith"]["calls"], stats.providers["builtwith"]["over_limit"]) == (2, 3)


@pytest.mark.parametrize(
    ("row", "points"),
    [
        ({}, 0),
        ({"company_size": 2000, "company_industry": "SaaS", "title": "CEO", "funding_stage": "Series A"}, 85),
        ({"company_size": "250"}, 30),
        ({"company_size": 99.5}, 10),
        ({"company_size": 5001, "title": "CFO"}, 0),
        ({"title": "Microsoft alliance lead"}, 25),
        ({"tech_stack": ["Salesforce CRM", "Salesforce Pardot"]}, 10),
        ({"tech_stack": "Gong, Clari, HubSpot, Outreach"}, 15),
        ({"company_industry": "saas"}, 0),
    ],
)
def test_the_formula_is_the_published_one(row: dict[str, Any], points: int) -> None:
    assert icp.score(row) == points
