"""A system of which only a part can be searched, or whose records are not all within reach of a call."""

import pytest

from gdpr import stores
from gdpr.kinds import Action
from gdpr.leftovers import scan
from gdpr.package import document
from gdpr.requests import manual_steps, plan
from gdpr.requests.pipeline import approve, locate
from gdpr.stores import Capability, SearchIncomplete, Statement
from tests.gdpr.conftest import Desk, Places, state
from tests.gdpr.fake_stores import ADA, FakeStore, held

IN_A_TABLE = (Capability.EXPORT, Capability.RECTIFY, Capability.ERASE)
BY_CALL = frozenset(Capability) - {*IN_A_TABLE, Capability.VERIFY}


class Tables(FakeStore):
    """Knows its records, and cannot look for others; none of them can be changed by call."""

    stated: tuple[Statement, ...] = ()

    def locate(self, identity):
        raise SearchIncomplete(super().locate(identity), IN_A_TABLE)

    def capabilities_for(self, record):
        return BY_CALL

    def statements(self, identity):
        return self.stated if identity.linkedin_url == ADA.linkedin_url else ()

    def instructions(self, capability, record):
        return f"{capability} of {record.key or ' and '.join(record.identity.emails)}"


@pytest.fixture
def tables(places: Places) -> Tables:
    store = Tables("tables", order=10, log=places.log)
    store.records = {"1": held(ADA, "Ada")}
    stores.register(store)
    return store


def waiting(request, action):
    return list(request.steps.filter(store="tables", action=action, status="manual"))


def test_what_is_known_is_a_record_and_the_rest_a_person_s(desk: Desk, tables: Tables):
    request = desk.work(desk.identified("erasure"))
    (step,) = waiting(request, Action.LOCATE)
    assert step.instructions == f"locate of {' and '.join(ADA.emails)}"
    assert [record.by_hand for record in request.records.filter(store="tables")] == [False]
    assert request.status == "needs_action"
    manual_steps.complete(step, evidence="Searched.", found={"elsewhere/9": "Ada"}, by=desk.officer)
    request = desk.work(request)
    assert request.status == "awaiting_approval", state(request)
    assert {line.record.key: line.by_hand for line in plan.lines(request) if line.label == "Tables"} == {
        "1": (Action.ERASE, Action.VERIFY),
        "elsewhere/9": (Action.ERASE, Action.VERIFY),
    }
    request = desk.work(approve.approve(request, plan_hash=request.plan_hash, by=desk.second))
    assert [step.instructions for step in waiting(request, Action.ERASE)] == ["erase of 1", "erase of elsewhere/9"]
    assert tables.calls[Capability.ERASE] == 0


def test_a_search_that_is_tried_again_keeps_what_an_officer_found(desk: Desk, tables: Tables):
    request = desk.work(desk.identified("erasure"))
    (step,) = waiting(request, Action.LOCATE)
    manual_steps.complete(step, evidence="Searched.", found={"elsewhere/9": "Ada"}, by=desk.officer)
    tables.records["7"] = held(ADA, "Ada")
    request = desk.work(locate.search_again(desk.work(request), by=desk.officer))
    assert set(request.records.filter(store="tables").values_list("key", flat=True)) == {"1", "7", "elsewhere/9"}


def test_a_record_that_came_after_the_plan_has_it_approved_again(desk: Desk, tables: Tables):
    request = desk.work(desk.identified("erasure"))
    manual_steps.complete(waiting(request, Action.LOCATE)[0], evidence="Searched.", by=desk.officer)
    request = desk.work(request)
    tables.records["7"] = held(ADA, "Ada")
    request = desk.work(approve.approve(request, plan_hash=request.plan_hash, by=desk.second))
    assert (request.status, request.plan_changed) == ("awaiting_approval", True)
    assert not request.steps.filter(action=Action.ERASE, status="done").exists()


@pytest.mark.parametrize("kind", ["objection", "restriction"])
def test_where_nothing_is_done_with_a_find_nobody_searches(desk: Desk, tables: Tables, kind: str):
    request = desk.work(desk.open(kind) if kind == "objection" else desk.identified(kind))
    assert not waiting(request, Action.LOCATE)
    assert request.steps.get(store="tables", action=Action.RESTRICT).status == "done"


def test_a_correction_by_hand_has_the_new_values_and_what_stood_before(desk: Desk, tables: Tables):
    request = desk.work(desk.identified("rectification", values={"title": "CFO"}))
    manual_steps.complete(waiting(request, Action.LOCATE)[0], evidence="Searched.", by=desk.officer)
    request = desk.work(request)
    request = desk.work(approve.approve(request, plan_hash=request.plan_hash, by=desk.second))
    (step,) = waiting(request, Action.RECTIFY)
    assert step.instructions == "rectify of 1 New values: Job title: CFO."
    done = manual_steps.complete(step, evidence="Changed.", data={"title": "CRO"}, by=desk.officer)
    assert done.result == {"before": {"title": "CRO"}, "after": {"title": "CFO"}}


def test_what_was_stated_is_told_once_and_nobody_else_s(desk: Desk, tables: Tables, places: Places):
    tables.stated = (Statement("Tables read the data on 5 March 2026 and kept nothing."),)
    request = desk.work(desk.identified("access"))
    assert document.compose(request)["statements"] == ["Tables read the data on 5 March 2026 and kept nothing."]
    other = desk.work(desk.identified("access", linkedin_url="https://www.linkedin.com/in/zoe", emails=["z@z.example"]))
    assert document.compose(other)["statements"] == []


def test_a_search_for_leftovers_says_what_it_could_not_search(tables: Tables, db: None):
    report = scan.Report(None)
    scan._search_outside(ADA, report)
    assert "Tables: some of it can only be searched by hand" in report.not_asked
    assert {hit.place for hit in report.outside or ()} == {"Tables", "Crm", "Mailer"}
