"""The waterfall document: the specification's shape on the wire, our policies beside it."""

import pytest
from pydantic import ValidationError

from enrichment.documents.waterfall import PUBLISHED, WaterfallDocument
from enrichment.waterfall.provider_budget import reserve_budget

DOCUMENT = WaterfallDocument.model_validate(PUBLISHED)


def with_policy(kind, policy):
    whole = DOCUMENT.model_dump()
    whole[f"waterfall_{kind}"]["policy"] = policy
    return WaterfallDocument.model_validate(whole)


def test_what_is_sent_is_the_specifications_json_to_the_key():
    assert DOCUMENT.sent() == PUBLISHED
    assert [list(part) for part in DOCUMENT.sent().values()] == [list(part) for part in PUBLISHED.values()]


def test_a_policy_never_travels():
    assert with_policy("company", "wait").sent() == PUBLISHED


def test_a_policy_unknown_to_us_is_refused():
    with pytest.raises(ValidationError):
        with_policy("email", "perhaps")


@pytest.mark.parametrize(
    ("policy", "setting", "waits"),
    [("", "skip", False), ("", "wait", True), ("wait", "skip", True), ("skip", "wait", False)],
)
def test_the_waterfalls_own_policy_counts_before_the_setting(settings, policy, setting, waits):
    settings.PROVIDER_BUDGET_POLICY = setting
    assert with_policy("company", policy).waterfall_company.waits() is waits


def test_without_a_waterfall_its_providers_still_serve_the_others():
    left = DOCUMENT.without(["company"])
    assert left.waterfall_company.providers == []
    assert "clearbit" in left.waterfall_email.providers
    assert DOCUMENT.waterfall_company.providers == ["clearbit", "crunchbase"]


def use_up(slug, limit):
    from enrichment.vendors import limiter

    assert limiter.take(f"provider:{slug}", n=limit, limit=limit) == 0


def test_a_used_up_budget_leaves_its_provider_out(db):
    use_up("builtwith", 100)
    found = reserve_budget(DOCUMENT, 5)
    assert (found.deferred, found.wait) == (["builtwith"], 0)
    taken = {ask.name.partition(":")[2] for ask in found.slots.asks}
    assert taken == {"apollo", "hunter", "clearbit", "crunchbase"}


def test_where_a_waterfall_waits_the_whole_trigger_waits_and_nothing_stays_taken(db):
    from enrichment.vendors import limiter

    use_up("builtwith", 100)
    found = reserve_budget(with_policy("techstack", "wait"), 5)
    assert found.deferred == []
    assert found.wait > 0
    assert limiter.peek("provider:apollo", limit=500).used == 0


def test_a_trigger_that_waits_again_and_again_holds_nobody_up_longer(db):
    from enrichment.vendors import limiter

    call = limiter.slot_request("clay.triggers", "ws")
    use_up("builtwith", 100)
    limiter.take("provider:apollo", n=5, limit=500)
    ends = limiter.peek("provider:apollo", limit=500).resets_in
    for _ in range(3):
        assert not reserve_budget(with_policy("techstack", "wait"), 5, call=call).blocks_all
    assert limiter.peek("provider:apollo", limit=500).resets_in <= ends
    assert limiter.peek("clay.triggers", "ws").used == 0


def test_the_limit_of_the_call_itself_makes_everybody_wait(db, settings):
    from enrichment.vendors import limiter

    settings.CLAY_TRIGGERS_PER_MINUTE = 1
    call = limiter.slot_request("clay.triggers", "ws")
    assert reserve_budget(DOCUMENT, 5, call=call).wait == 0
    found = reserve_budget(DOCUMENT, 5, call=call)
    assert found.blocks_all
    assert 0 < found.wait < 70
    assert limiter.peek("provider:apollo", limit=500).used == 5


def test_the_policy_of_a_waterfall_that_does_not_ask_the_provider_does_not_count(db):
    use_up("builtwith", 100)
    assert reserve_budget(with_policy("email", "wait"), 5).deferred == ["builtwith"]
