"""The board, the intake and a request's page, as officers and others meet them."""

import datetime

import pytest
from django.core.cache import cache
from django.utils import timezone

from gdpr.models import AuditEvent, LegalHold, MessageTemplate, RequestDocument, SubjectRequest
from gdpr.requests import certificate, forget, legal_holds, withdrawal
from gdpr.requests.pipeline import leftover_step
from gdpr.requests.views.request_actions import ACTIONS
from gdpr.states import RequestStatus
from swarm_admin.access.roles import COMPLIANCE
from tests.gdpr.fake_stores import ADA

pytestmark = pytest.mark.django_db
ENTRY = {
    "kind": "erasure",
    "channel": "email",
    "received_at": "2026-03-02T10:00",
    "emails": "Ada@acme.example, ada@home.example",
    "contact_email": "ada@home.example",
    "regime": "eu",
    "calendar": "DE",
    "text": "Please erase <b>everything</b>",
}


@pytest.fixture
def second_client(make_client):
    """Another officer, who may approve what the first prepared."""
    return make_client(COMPLIANCE, name="second-officer")


def body(answer) -> str:
    return answer.content.decode()


def do(client, request, act, **given):
    return client.post(f"/requests/{request.pk}/do/{act}/", given)


def send_answer(client, request):
    """A copy is looked through by the officer, who then sends the answer."""
    assert request.status == RequestStatus.NEEDS_ACTION
    draft = request.messages.get(status="draft")
    assert do(client, request, "message-send", id=draft.pk).status_code == 302
    return request


# ---------------------------------------------------------------- who


@pytest.mark.parametrize("page", ["/requests/", "/requests/new/", "/requests/export/", "/holds-on-records/", "/texts/"])
def test_only_compliance_sees_the_desk(client, sales_client, compliance_client, page):
    assert client.get(page).status_code == 302
    assert sales_client.get(page).status_code == 403
    assert compliance_client.get(page).status_code == 200


def test_a_sales_person_sees_no_request_and_does_nothing_to_it(client, sales_client, desk):
    request = desk.open("access")
    for who, status in ((client, 302), (sales_client, 403)):
        assert who.get(f"/requests/{request.pk}/").status_code == status
        assert {do(who, request, act).status_code for act in ACTIONS} == {status}
    assert b"/requests/" not in sales_client.get("/leads/").content


def test_an_act_nobody_knows_and_a_thing_of_another_request_are_not_found(compliance_client, desk):
    first, other = desk.open("access"), desk.open("erasure")
    assert do(compliance_client, first, "nonsense").status_code == 404
    message = other.messages.get()
    assert do(compliance_client, first, "message-drop", id=message.pk).status_code == 404


# ---------------------------------------------------------------- board


def test_the_board_tells_what_is_due_first(compliance_client, desk):
    old = desk.open("access", received_at=timezone.now() - datetime.timedelta(days=60))
    new = desk.open("erasure")
    page = body(compliance_client.get("/requests/"))
    assert "1 request is overdue" in page
    assert page.index(f"{old.reference}</a>") < page.index(f"{new.reference}</a>")  # one stands as an example


@pytest.mark.parametrize(
    ("query", "left"),
    [("kind=access", 1), ("kind=nonsense", 2), ("late=overdue", 0), ("handler=nobody", 0), ("q=SR-99999", 0),
     ("state=closed", 0), ("status=verifying", 2), ("late=waits", 0), ("regime=uk", 0), ("q=abc", 0)],
)  # fmt: skip
def test_filters_leave_what_they_say(compliance_client, desk, query, left):
    desk.open("access")
    desk.open("erasure")
    assert len(compliance_client.get(f"/requests/?{query}").context["rows"]) == left


def test_a_person_is_found_without_being_named_in_an_address_or_the_ledger(compliance_client, desk):
    request = desk.open("access")
    answer = compliance_client.post("/requests/find/", {"email": "ADA@acme.example"})
    assert "1 request from this person" in body(answer)
    assert request.reference in body(answer)
    event = AuditEvent.objects.get(verb="search_requests")
    assert event.counts == {"found": 1}
    assert compliance_client.post("/requests/find/", {}).status_code == 422


def test_the_list_goes_out_without_the_person(compliance_client, desk):
    desk.open("access")
    text = b"".join(compliance_client.get("/requests/export/").streaming_content).decode()
    assert "SR-" in text
    assert "ada" not in text.lower()


# ---------------------------------------------------------------- intake


def test_a_request_is_opened_and_counts_from_its_receipt(compliance_client, places):
    answer = compliance_client.post("/requests/new/", ENTRY)
    request = SubjectRequest.objects.get()
    assert answer.headers["Location"] == f"/requests/{request.pk}/"
    assert request.due_on == datetime.date(2026, 4, 2)
    assert request.emails == list(ADA.emails)
    page = body(compliance_client.get(f"/requests/{request.pk}/"))
    assert "Please erase &lt;b&gt;everything" in page
    assert "<b>everything" not in page


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"emails": "", "contact_email": ""}, "Enter at least one of"),
        ({"emails": "nobody"}, "a valid e-mail address"),
        ({"received_at": "2999-01-01T00:00"}, "is in the future"),
        ({"calendar": "XX"}, "No public holiday calendar"),
        ({"kind": "rectification"}, "at least one field"),
        ({"kind": "rectification", "values": "title: x\ntitle: y"}, "appears twice"),
        ({"kind": "withdrawal", "concerns": "SR-00099"}, "No such request from this person"),
        ({"kind": "withdrawal", "concerns": "mine"}, "Use the format SR-00012"),
        ({"kind": "nonsense"}, "Select a valid choice"),
    ],
)
def test_what_is_missing_is_said_and_what_was_typed_stays(compliance_client, places, change, said):
    answer = compliance_client.post("/requests/new/", {**ENTRY, **change})
    assert answer.status_code == 422
    assert said in body(answer)
    assert "Please erase" in body(answer)
    assert not SubjectRequest.objects.exists()


def test_a_second_request_is_linked_and_said(compliance_client, places):
    compliance_client.post("/requests/new/", ENTRY)
    page = body(compliance_client.post("/requests/new/", ENTRY, follow=True))
    first, second = SubjectRequest.objects.order_by("id")
    assert second.duplicate_of == first
    assert f"may duplicate {first.reference}" in page
    assert second.status == RequestStatus.VERIFYING


def test_an_objection_stops_everything_the_moment_it_is_opened(compliance_client, places):
    compliance_client.post("/requests/new/", {**ENTRY, "kind": "objection"})
    request = SubjectRequest.objects.get()
    assert request.status != RequestStatus.VERIFYING
    assert "Stopping processing everywhere…" in body(compliance_client.get(f"/requests/{request.pk}/"))


# ---------------------------------------------------------------- the page


def test_opening_a_request_is_an_event_and_polling_it_is_not(compliance_client, desk):
    request = desk.open("access")
    compliance_client.get(f"/requests/{request.pk}/")
    compliance_client.get(f"/requests/{request.pk}/", headers={"HX-Request": "true"})
    assert AuditEvent.objects.filter(verb="view_request", object_id=str(request.pk)).count() == 1


def test_access_from_the_check_to_the_download(compliance_client, desk):
    request = desk.open("access")
    assert do(compliance_client, request, "identified", method="known_address").status_code == 422
    assert do(compliance_client, request, "identified", method="reply").status_code == 302
    answer = send_answer(compliance_client, desk.work(request))
    assert desk.work(answer).status == RequestStatus.COMPLETED
    page = body(compliance_client.get(f"/requests/{request.pk}/"))
    assert "Document (PDF)" in page
    kept = RequestDocument.objects.get(request=request, kind="json")
    assert compliance_client.get(f"/requests/documents/{kept.pk}/").status_code == 405
    answer = compliance_client.post(f"/requests/documents/{kept.pk}/")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{request.reference}-data.json"'
    kept.refresh_from_db()
    assert kept.downloads == 1


def test_an_erasure_is_approved_by_a_second_person_only(compliance_client, second_client, desk):
    request = SubjectRequest.objects.none()
    compliance_client.post("/requests/new/", ENTRY)
    request = SubjectRequest.objects.get()
    do(compliance_client, request, "identified", method="reply")
    request = desk.work(request)
    assert request.status == RequestStatus.AWAITING_APPROVAL
    page = body(compliance_client.get(f"/requests/{request.pk}/"))
    assert "You prepared this plan. Someone else has to approve it." in page
    assert do(compliance_client, request, "approve", plan_hash=request.plan_hash).status_code == 422
    stale = do(second_client, request, "approve", plan_hash="0" * 64)
    assert "The plan has changed since you opened it" in body(stale)
    assert do(second_client, request, "approve", plan_hash=request.plan_hash).status_code == 302
    request = desk.work(desk.tell_partner(desk.work(request)))
    assert request.status == RequestStatus.COMPLETED
    from gdpr.requests import certificate

    certificate.issue_due()
    told = body(second_client.get(f"/requests/{request.pk}/certificate/"))
    assert "What is still held, and until when" in told
    assert "ada@" not in told


def test_a_record_that_may_be_anothers_is_decided_by_the_officer(compliance_client, desk, places):
    request = desk.work(desk.identified("erasure", linkedin_url="", emails=[], phone=ADA.phone))
    page = compliance_client.get(f"/requests/{request.pk}/")
    assert "Next: review" in body(page)
    for record in request.records.all():
        include = "1" if record.identifiers["linkedin_url"] == ADA.linkedin_url else ""
        do(compliance_client, request, "decide", id=record.pk, include=include, reason="the other is Bob")
    request = desk.work(request)
    assert request.status == RequestStatus.AWAITING_APPROVAL
    assert {record.decision for record in request.records.all()} == {"included", "excluded"}


def test_a_hold_keeps_one_record_and_is_lifted_with_a_reason(compliance_client, desk):
    request = desk.work(desk.identified("erasure"))
    record = request.records.first()
    tomorrow = (timezone.now() + datetime.timedelta(days=30)).date().isoformat()
    assert do(compliance_client, request, "hold", id=record.pk, reason="x", review_on=tomorrow).status_code == 422
    do(compliance_client, request, "hold", id=record.pk, reason="Commercial law § 257", review_on=tomorrow)
    hold = LegalHold.objects.get()
    assert "Commercial law" in body(compliance_client.get("/holds-on-records/"))
    compliance_client.post(f"/holds-on-records/{hold.pk}/lift/", {"reason": ""})
    compliance_client.post(f"/holds-on-records/{hold.pk}/lift/", {"reason": "the period is over"})
    hold.refresh_from_db()
    assert hold.lifted_at is not None


@pytest.mark.parametrize(
    ("act", "given", "said"),
    [
        ("extend", {"reason": "many"}, "Enter why the request is complex"),
        ("refuse", {"ground": "unfounded", "reason": "no"}, "Enter the reason the person will read"),
        ("refuse", {"ground": "", "reason": "This is refused for good reasons."}, "This field is required"),
        ("ask", {"reason": "identity", "justification": "a"}, "Enter why you need to ask"),
        ("contact", {"contact_email": "nobody"}, "Enter a valid e-mail address"),
        ("approve", {"plan_hash": "x"}, "no plan awaiting approval"),
        ("look-again", {}, "search again"),
    ],
)
def test_what_cannot_be_is_said_and_changes_nothing(compliance_client, desk, act, given, said):
    request = desk.open("access")
    before = SubjectRequest.objects.values().get()
    answer = do(compliance_client, request, act, **given)
    assert answer.status_code == 422
    assert said in body(answer)
    assert SubjectRequest.objects.values().get() == before


@pytest.mark.parametrize(
    ("act", "given", "status"),
    [
        (
            "refuse",
            {"ground": "unfounded", "reason": "It is the twentieth this month, word for word."},
            "refused",
        ),
        ("withdraw", {"reason": "wrote so on Monday", "told": "on"}, "withdrawn"),
        ("extend", {"reason": "there are very many records"}, "verifying"),
        ("ask", {"reason": "identity", "justification": "the address is unknown to us"}, "verifying"),
        ("assign", {"to": ""}, "verifying"),
        ("evidence", {"evidence": "named the last three posts"}, "verifying"),
        ("not-identified", {"method": "details"}, "verifying"),
    ],
)
def test_what_officers_do_is_done_and_in_the_ledger(compliance_client, desk, act, given, status):
    request = desk.open("access")
    events = AuditEvent.objects.count()
    assert do(compliance_client, request, act, **given).status_code == 302
    request.refresh_from_db()
    assert request.status == status
    assert AuditEvent.objects.count() > events


def test_a_step_by_hand_is_shown_with_its_instructions_and_ended_with_evidence(compliance_client, desk, places):
    from gdpr.stores import Capability

    places["crm"].lacks = {Capability.EXPORT}
    request = desk.work(desk.identified("access"))
    step = request.steps.get(status="manual")
    page = body(compliance_client.get(f"/requests/{request.pk}/"))
    assert "Data held there, one per line" in page
    answer = do(compliance_client, request, "step-done", id=step.pk, evidence="read it there", data="")
    assert "field by field" in body(answer)
    for given, said in (
        ({"evidence": "      "}, "Proof that it was done: This field is required."),
        ({"evidence": "read it there", "data": "phone: 1\nphone: 2"}, "Line “phone” appears twice."),
    ):
        answer = do(compliance_client, request, "step-done", id=step.pk, **given)
        assert answer.status_code == 422
        assert said in body(answer), "the step's own form is not drawn anew"
    do(compliance_client, request, "step-done", id=step.pk, evidence="read it there", data="phone: +4930")
    answer = send_answer(compliance_client, desk.work(request))
    assert desk.work(answer).status == RequestStatus.COMPLETED


@pytest.fixture
def failed_scan(desk, monkeypatch):
    """The last look of an erasure, which broke off."""
    with monkeypatch.context() as patched:
        patched.setattr(leftover_step, "scan", lambda *_: 1 / 0)
        request = desk.work(desk.approved("erasure"))
    return request.steps.get(action="scan", status="failed")


def test_a_failed_last_look_is_finished_by_an_officer_and_stands_on_overview(
    compliance_client, sales_client, desk, failed_scan
):
    request = failed_scan.request
    overview = body(compliance_client.get("/"))
    assert "Failed: Search for leftovers" in overview
    assert f'href="/requests/{request.pk}/"' in overview
    assert "Nothing needs attention" not in overview
    assert request.reference not in body(sales_client.get("/"))
    page = body(compliance_client.get(f"/requests/{request.pk}/"))
    assert "Retry, or do it by hand." in page
    for act in ("step-retry", "step-take-over"):
        assert f'action="/requests/{request.pk}/do/{act}/"' in page
    do(compliance_client, request, "step-take-over", id=failed_scan.pk)
    page = body(compliance_client.get(f"/requests/{request.pk}/"))
    assert "Proof that it was done" in page
    assert "manage.py leftovers" in page
    cache.clear()  # what Overview tells may be some seconds old
    assert "By hand: Search for leftovers" in body(compliance_client.get("/"))
    assert (
        do(compliance_client, request, "step-done", id=failed_scan.pk, evidence="Searched, nothing.").status_code == 302
    )
    assert desk.work(desk.tell_partner(desk.work(request))).status == RequestStatus.COMPLETED
    cache.clear()
    assert request.reference not in body(compliance_client.get("/"))


def test_a_request_says_that_evidence_was_deleted_only_where_there_was_any(compliance_client, desk):
    request = desk.identified("access")
    page = body(compliance_client.get(f"/requests/{request.pk}/"))
    assert "No evidence kept." in page
    assert "Evidence deleted" not in page
    other = desk.open("restriction")
    do(compliance_client, other, "evidence", evidence="Passport C01X")
    do(compliance_client, other, "identified", method="document")
    assert "Evidence deleted." in body(compliance_client.get(f"/requests/{other.pk}/"))


# ---------------------------------------------------------------- texts


def test_a_text_is_changed_by_a_new_version_that_keeps_what_the_law_asks_for(compliance_client):
    address = "/texts/refusal/"
    assert compliance_client.get("/texts/nonsense/").status_code == 404
    bad = compliance_client.post(address, {"subject": "No", "body": "No.", "note": "shorter"})
    assert bad.status_code == 422
    assert "required placeholder $reasons" in body(bad)
    good = {"subject": "Your request", "body": "$reasons You may complain to $authority.", "note": "shorter"}
    assert "the data protection authority" in body(compliance_client.post(address, {**good, "preview": "1"}))
    assert compliance_client.post(address, good).status_code == 302
    assert MessageTemplate.objects.filter(slug="refusal").latest("number").body == good["body"]


# ---------------------------------------------------------------- what the page says at the end


def test_a_closed_request_asks_for_no_decision(compliance_client, desk):
    # By the phone alone, which Ada and Bob share: somebody has to say whose records these are.
    request = desk.work(desk.identified("erasure", linkedin_url="", emails=[], phone="+4930123456"))
    page = body(compliance_client.get(f"/requests/{request.pk}/"))
    assert "Next: review" in page
    assert do(compliance_client, request, "withdraw", reason="By telephone").status_code == 302
    page = body(compliance_client.get(f"/requests/{request.pk}/"))
    assert "Next:" not in page
    assert "This request is closed." in page


def test_an_erased_person_who_is_named_in_an_open_request_is_said_to_be(compliance_client, desk):
    other = desk.open("access", text="And what do you hold?")
    request = desk.finished("erasure")
    forget.forget(request.pk)
    told = certificate.compose(request)["remains"]
    assert any(other.reference in sentence and "until it closes" in sentence for sentence in told)
    page = body(compliance_client.get(f"/requests/{request.pk}/"))
    assert f"{other.reference}</a> (Access" in page

    withdrawal.withdraw(other, reason="By telephone", by=desk.officer)
    assert not any(other.reference in sentence for sentence in certificate.compose(request)["remains"])
    assert "keeps the person" not in body(compliance_client.get(f"/requests/{request.pk}/"))


def test_the_plan_says_that_a_held_record_is_kept_even_when_its_key_is_forgotten(compliance_client, desk):
    day = timezone.localdate() + datetime.timedelta(days=90)
    legal_holds.place(store="crm", key="1", reason="In dispute", review_on=day, by=desk.officer)
    request = desk.finished("erasure")
    forget.forget(request.pk)
    assert "Kept under legal hold; erased when the hold is lifted" in body(
        compliance_client.get(f"/requests/{request.pk}/")
    )
    page = body(compliance_client.get("/holds-on-records/"))
    assert "Crm <code>1</code>" in page
