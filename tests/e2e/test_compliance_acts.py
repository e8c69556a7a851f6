"""What officers do at the desk beside the main path, in a browser: each act, its refusal, and what it leaves."""

import datetime
import re
from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from gdpr import stores
from gdpr.identity import Identity
from gdpr.kinds import Action
from gdpr.models import FoundRecord, LegalHold, MessageTemplate, RequestStep, SubjectRequest
from gdpr.requests.intake import RequestIn
from gdpr.requests.pipeline import open as opening
from gdpr.states import RequestStatus, StepStatus
from gdpr.suppression import gate
from swarm_admin.access.models import User
from swarm_admin.access.roles import COMPLIANCE
from tests.e2e.conftest import PHONE

SignIn = Callable[[str], User]
NASTY = "<script>document.title = 'taken'</script> =HYPERLINK(\"https://evil.example\") " + "Bandwurmwort" * 400
EMAIL = """From: Ada Lovelace <ada@home.example>
Date: Mon, 02 Nov 2026 10:00:00 +0000
Subject: Auskunft

Bitte senden Sie mir eine Auskunft nach Art. 15 DSGVO.
https://www.linkedin.com/in/ada-lovelace <img src=x onerror=alert(1)>

On Sunday somebody wrote:
> delete everything
"""


@pytest.fixture
def officer(page: Page, sign_in: SignIn) -> User:
    page.on("dialog", lambda dialog: dialog.accept())
    return sign_in(COMPLIANCE)


def opened(monkeypatch: pytest.MonkeyPatch, by: User, kind: str, **more: object) -> SubjectRequest:
    """A request that no worker picks up: these tests are about the pages."""
    monkeypatch.setattr(opening, "enqueue", lambda request_id: None)
    given = {"kind": kind, "emails": ["ada@home.example"], "contact_email": "ada@home.example", **more}
    return opening.open_request(RequestIn.model_validate(given), channel="email", by=by)


def fold(page: Page, title: str) -> Locator:
    """The fold of an act, open."""
    act = page.locator("details.act", has=page.locator("summary", has_text=re.compile(f"^{title}$"))).first
    act.locator("summary").click()
    return act


def do(page: Page, title: str, **fields: str) -> None:
    act = fold(page, title)
    for label, value in fields.items():
        act.get_by_label(label.replace("_", " ")).fill(value)
    act.get_by_role("button", name=title, exact=True).click()


def both_widths(page: Page, assert_accessible: Callable[[], None], assert_fits: Callable[[], None]) -> None:
    for viewport in (PHONE, {"width": 1280, "height": 800}):
        page.set_viewport_size(viewport)
        assert_fits()
        assert_accessible()


def planned(request: SubjectRequest, *, decision: str = "included") -> FoundRecord:
    """A record of this request at GoHighLevel, whose erasure is approved and waits for its turn."""
    record = FoundRecord.objects.create(
        request=request, store="ghl", key="contact-7", key_hash=stores.key_hash("ghl", "contact-7"), matched=["email"],
        sure=decision == "included", decision=decision, summary={"name": "Ada <b>Lovelace</b>"},
    )  # fmt: skip
    decided = decision == "included"
    SubjectRequest.objects.filter(pk=request.pk).update(
        status=RequestStatus.EXECUTING if decided else RequestStatus.NEEDS_ACTION,
        planned_at=timezone.now() if decided else None,
        plan_hash="a" * 64 if decided else "",
    )
    action = Action.ERASE if decided else Action.LOCATE
    RequestStep.objects.create(request=request, action=action, store="ghl", record=record if decided else None)
    return record


def test_a_question_stops_the_clock_and_its_answer_starts_it(
    page: Page, officer: User, monkeypatch, assert_accessible, assert_fits
) -> None:
    request = opened(monkeypatch, officer, "access", text=NASTY)
    page.goto(f"/requests/{request.pk}/")
    expect(page.locator(".letter-long")).to_contain_text("<script>")
    assert page.locator(".letter-long").evaluate("e => e.clientHeight < e.scrollHeight"), "a long letter scrolls"
    assert page.title().startswith(request.reference)

    act = fold(page, "Ask the person")
    act.get_by_label("About").select_option("clarification")
    act.get_by_label("Justification").fill("We hold two people of this name.")
    act.get_by_role("button", name="Ask the person").click()
    expect(page.locator(".verdict")).to_contain_text("Paused, waiting for the person.")
    both_widths(page, assert_accessible, assert_fits)
    assert request.messages.filter(template__slug="clarification").count() == 1

    page.get_by_role("button", name="Log answer").click()
    expect(page.locator(".verdict")).to_contain_text("Due on")
    assert request.pauses.get().answered_at is not None


def test_the_time_is_extended_once_and_the_button_then_says_why_not(page: Page, officer: User, monkeypatch) -> None:
    request = opened(monkeypatch, officer, "access")
    page.goto(f"/requests/{request.pk}/")
    do(page, "Extend", Reason="Many systems, and records of several years.")
    expect(page.locator("#request")).to_contain_text("It can be extended only once")
    before = request.due_on
    request.refresh_from_db()
    assert request.due_on > before + datetime.timedelta(days=50)
    assert request.messages.filter(template__slug="extension").exists()

    page.go_back()
    page.reload()
    expect(page.locator("button[aria-disabled]", has_text="Extend")).to_be_visible()


def test_a_record_is_held_and_let_go_again(
    page: Page, officer: User, monkeypatch, assert_accessible, assert_fits
) -> None:
    request = opened(monkeypatch, officer, "erasure")
    step = planned(request).steps.get()
    page.goto(f"/requests/{request.pk}/")
    page.locator("summary", has_text="Legal hold").click()
    page.get_by_label("Law or dispute").fill("Invoice in dispute")
    day = timezone.localdate() + datetime.timedelta(days=90)
    page.get_by_label("Review on").fill(day.isoformat())
    page.get_by_role("button", name="Place hold").click()
    expect(page.locator("article.record")).to_contain_text("Kept under legal hold: Invoice in dispute")
    expect(page.locator("section[aria-labelledby=plan]")).to_contain_text(
        "Kept under legal hold; erased when the hold is lifted"
    )
    both_widths(page, assert_accessible, assert_fits)
    step.refresh_from_db()
    assert step.status == StepStatus.WITHHELD

    page.goto("/holds-on-records/")
    expect(page.locator("main")).to_contain_text("GoHighLevel contact-7")
    both_widths(page, assert_accessible, assert_fits)
    page.get_by_label("Reason for lifting the hold").fill("The dispute is settled")
    page.get_by_role("button", name="Lift").click()
    expect(page.locator("main")).to_contain_text("No legal holds")
    step.refresh_from_db()
    # Withheld alone, the request had nothing left to wait for, and was completed: its record is due all the same.
    assert step.status == StepStatus.PLANNED or request.after_checks.filter(status="open").exists()
    assert LegalHold.objects.get().lifted_by == officer


def test_the_officer_decides_whose_record_it_is(page: Page, officer: User, monkeypatch) -> None:
    request = opened(monkeypatch, officer, "erasure")
    record = planned(request, decision="open")
    page.goto(f"/requests/{request.pk}/")
    expect(page.locator(".verdict")).to_contain_text("Next: review 1 record.")
    expect(page.locator("article.record")).to_contain_text("Ada <b>Lovelace</b>")
    page.get_by_role("button", name="Different person").click()
    expect(page.locator(".verdict")).not_to_contain_text("Next: review")
    record.refresh_from_db()
    assert (record.decision, record.decided_by) == ("excluded", officer)


def test_a_text_gets_a_new_version_that_is_used_from_then_on(
    page: Page, officer: User, assert_accessible, assert_fits
) -> None:
    page.goto("/texts/")
    page.get_by_role("link", name="Clarification").click()
    text = page.get_by_label("Text")
    text.fill(text.input_value() + "\nKind regards <b>from us</b>")
    page.get_by_label("What changed").fill("A greeting")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator(".letter")).to_contain_text("Kind regards <b>from us</b>")
    both_widths(page, assert_accessible, assert_fits)
    page.get_by_role("button", name="Publish").click()
    expect(page.locator("body")).to_contain_text("Version 2 published.")
    newest = MessageTemplate.objects.filter(slug="clarification").latest("number")
    assert newest.body.endswith("Kind regards <b>from us</b>")


def test_a_pasted_e_mail_becomes_a_request_once_the_officer_has_looked(
    page: Page, officer: User, monkeypatch, assert_accessible, assert_fits
) -> None:
    monkeypatch.setattr(opening, "enqueue", lambda request_id: None)
    page.goto("/requests/new/e-mail/")
    page.get_by_label("E-mail, ideally with its headers").fill(EMAIL)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_label("Type")).to_have_value("access")
    expect(page.get_by_label("LinkedIn URL")).to_have_value("https://www.linkedin.com/in/ada-lovelace")
    expect(page.get_by_label("Received at")).to_have_value("2026-11-02T10:00")
    both_widths(page, assert_accessible, assert_fits)
    assert not SubjectRequest.objects.exists()
    page.get_by_role("button", name="Open request").dblclick()
    expect(page.locator(".letter-long")).to_contain_text("<img src=x onerror=alert(1)>")
    request = SubjectRequest.objects.get()  # pressed twice, opened once
    assert (request.channel, request.contact_email) == ("email", "ada@home.example")
    assert request.received_at == datetime.datetime(2026, 11, 2, 10, tzinfo=datetime.UTC)


def test_a_suppressed_person_is_looked_up_and_let_in_again(
    page: Page, officer: User, assert_accessible, assert_fits
) -> None:
    gate.suppress(Identity(emails=("ada@home.example",)), reason="objection")
    page.goto("/suppression/")
    page.get_by_label("E-mail").first.fill(" ADA@home.example")
    page.get_by_role("button", name="Look up").click()
    expect(page.locator("main")).to_contain_text("Suppressed: 1 identifier.")
    assert "ada" not in page.url
    both_widths(page, assert_accessible, assert_fits)
    page.get_by_label("Reason for release").fill("She asked for it herself")
    page.get_by_role("button", name="Release").click()
    expect(page.locator("body")).to_contain_text("1 identifier is released.")
    assert not gate.screen([Identity(emails=("ada@home.example",))], "intake")
