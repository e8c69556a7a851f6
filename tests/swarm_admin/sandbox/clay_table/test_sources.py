from typing import Any

import httpx
import pytest

from tests.plugins.sandbox import Sandbox, wait_for
from tests.swarm_admin.sandbox.clay_table.conftest import Submit, person

JSON = {"Content-Type": "application/json", "x-clay-webhook-auth": "t0ken"}
PATH = "/clay/v3/sources/webhook/leads"


def rows(sandbox: Sandbox) -> int:
    return sandbox.stats()["clay_table"]["rows"]


def test_an_acknowledgement_is_no_json_and_names_no_row(sandbox: Sandbox, submit: Submit) -> None:
    answer = submit(person(0))
    assert answer.status_code == 200
    with pytest.raises(ValueError, match="Expecting"):
        answer.json()
    (row,) = sandbox.state("clay_table")["tables"]["t_leads"]["rows"]
    assert row["id"] not in answer.text
    assert row["cells"]["swarm_ref"]["value"] == "ref-0"


@pytest.mark.parametrize(("status", "body"), [(202, '{"status": "ok"}'), (204, ""), (200, "")])
def test_an_acknowledgement_can_be_another(sandbox: Sandbox, submit: Submit, status: int, body: str) -> None:
    sandbox.config(source_status=status, source_body=body)
    answer = submit(person(0))
    assert (answer.status_code, answer.text, rows(sandbox)) == (status, body, 1)


@pytest.mark.parametrize(("token", "status"), [("", 401), ("wrong", 403), ("t0ken", 200)])
def test_a_wrong_token_is_refused(sandbox: Sandbox, submit: Submit, token: str, status: int) -> None:
    assert submit(person(0), **{"x-clay-webhook-auth": token}).status_code == status
    assert rows(sandbox) == (status == 200)


def test_a_source_without_authentication_takes_any_token(sandbox: Sandbox) -> None:
    sandbox.control("PUT", "sources/open")
    assert sandbox.http.post("/clay/v3/sources/webhook/open", json=person(0)).status_code == 200


def test_a_deleted_source_is_not_found_and_may_come_back(sandbox: Sandbox, submit: Submit) -> None:
    assert submit(person(0), slug="nobody").status_code == 404
    sandbox.control("DELETE", "sources/leads")
    assert submit(person(0)).status_code == 404
    sandbox.control("PUT", "sources/leads")
    assert submit(person(0)).status_code == 200


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"[]", JSON, 400),
        (b"{", JSON, 400),
        (b"{}", JSON | {"Content-Type": "text/plain"}, 400),
        (b'{"a": "' + b"x" * 100_000 + b'"}', JSON, 413),
        (b'{"a": "' + b"x" * (100_000 - 9) + b'"}', JSON, 200),
    ],
)
def test_a_row_is_one_object_of_a_hundred_kilobytes(
    sandbox: Sandbox, submit: Submit, body: bytes, headers: dict[str, str], status: int
) -> None:
    assert sandbox.http.post(PATH, content=body, headers=headers).status_code == status


def test_a_burst_of_twenty_then_ten_a_second(sandbox: Sandbox, submit: Submit) -> None:
    sandbox.config(speed=0.001)
    answers = [submit(person(n)) for n in range(22)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429] * 2
    assert int(answers[20].headers["Retry-After"]) >= 1
    assert (rows(sandbox), sandbox.stats()["clay_table"]["429"]) == (20, 2)


def test_a_refused_submission_is_taken_a_moment_later(sandbox: Sandbox, submit: Submit) -> None:
    sandbox.config(speed=0.1, submissions_burst=1)
    assert [submit(person(n)).status_code for n in range(2)] == [200, 429]
    wait_for(lambda: submit(person(2)).status_code == 200)


def test_the_rate_is_one_for_all_sources_of_a_workspace(sandbox: Sandbox, submit: Submit) -> None:
    sandbox.control("PUT", "sources/second", token="t0ken")
    sandbox.control("PUT", "sources/elsewhere", token="t0ken", workspace="other")
    sandbox.config(speed=0.001)
    assert [submit(person(n)).status_code for n in range(20)] == [200] * 20
    assert submit(person(20), slug="second").status_code == 429
    assert submit(person(20), slug="elsewhere").status_code == 200


def test_a_source_that_has_lived_takes_no_more_and_says_nothing(sandbox: Sandbox, submit: Submit) -> None:
    sandbox.control("PUT", "sources/leads", life=3)
    assert [submit(person(n)).status_code for n in range(5)] == [200] * 5
    (source,) = sandbox.state("clay_table")["sources"]
    assert (source["taken"], source["ignored"], source["life"]) == (3, 2, 3)
    assert rows(sandbox) == 3
    row = sandbox.state("clay_table")["tables"]["t_leads"]["rows"][0]["id"]
    sandbox.control("DELETE", f"tables/t_leads/rows/{row}")
    submit(person(9))
    assert rows(sandbox) == 2, "a deleted row frees nothing of a source's life"


def test_fifty_thousand_is_the_life_of_a_source(sandbox: Sandbox, submit: Submit) -> None:
    sandbox.control("PUT", "sources/leads", taken=49_999)
    assert [submit(person(n)).status_code for n in range(2)] == [200, 200]
    assert rows(sandbox) == 1
    sandbox.control("PUT", "sources/second", token="t0ken")
    submit(person(1), slug="second")
    assert rows(sandbox) == 2


def test_a_full_table_keeps_no_more_rows(sandbox: Sandbox, submit: Submit) -> None:
    sandbox.config(table_capacity=2)
    assert [submit(person(n)).status_code for n in range(3)] == [200] * 3
    figures = sandbox.stats()["clay_table"]
    assert (figures["rows"], figures["rows_dropped"], figures["acknowledged"]) == (2, 1, 3)


def test_every_submission_is_a_row_unless_dedupe_drops_the_newer(sandbox: Sandbox, submit: Submit) -> None:
    for _ in range(2):
        submit(person(0))
    figures = sandbox.stats()["clay_table"]
    assert (figures["rows"], figures["duplicates_by_linkedin_url"], figures["refs_twice"]) == (2, 1, 1)
    sandbox.control("PUT", "tables/t_leads", dedupe="linkedin_url")
    submit(person(1, note="first"))
    submit(person(1, note="second"))
    kept = sandbox.http.get("/_clay/tables/t_leads/rows", params={"linkedin_url": person(1)["linkedin_url"]}).json()
    assert [row["cells"]["note"]["value"] for row in kept["rows"]] == ["first"]


def test_a_lost_submission_is_acknowledged(sandbox: Sandbox, submit: Submit) -> None:
    sandbox.fault("clay_table", "lost_submission", linkedin_url=person(0)["linkedin_url"])
    assert [submit(person(n)).status_code for n in range(2)] == [200, 200]
    figures = sandbox.stats()["clay_table"]
    assert (figures["rows"], figures["lost"]) == (1, 1)


@pytest.mark.parametrize(("kind", "made"), [("reset_before_effect", 0), ("reset_after_effect", 1)])
def test_a_cut_connection_leaves_the_outcome_open(sandbox: Sandbox, submit: Submit, kind: str, made: int) -> None:
    sandbox.fault("clay_table", kind, times=1)
    with pytest.raises(httpx.TransportError):
        submit(person(0))
    assert rows(sandbox) == made


@pytest.mark.parametrize(("kind", "status"), [("429", 429), ("500", 500), ("502", 502), ("404", 404), ("html", 502)])
def test_faults_of_the_source(sandbox: Sandbox, submit: Submit, kind: str, status: int) -> None:
    sandbox.fault("clay_table", kind, call="submit", times=1)
    answers: list[Any] = [submit(person(0)) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [status, 200]
    assert ("Retry-After" in answers[0].headers) is (kind == "429")


def test_the_pace_of_submissions_is_told(sandbox: Sandbox, submit: Submit) -> None:
    sandbox.config(speed=1.0)
    for number in range(5):
        submit(person(number))
    assert sandbox.stats()["clay_table"]["per_second"]["leads"] > 5
