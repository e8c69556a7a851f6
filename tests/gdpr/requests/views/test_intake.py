"""Requests from a pasted e-mail, a list and another program."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from gdpr.models import SubjectRequest
from swarm_admin.access.models import ApiKey, Scope

pytestmark = pytest.mark.django_db
MAIL = "From: Ada <ada@home.example>\nDate: Mon, 2 Mar 2026 10:00:00 +0100\nSubject: My data\n\nPlease delete my data."


def upload(client, text, **more):
    return client.post("/requests/new/list/", {"file": SimpleUploadedFile("list.csv", text.encode()), **more})


@pytest.mark.parametrize("page", ["/requests/new/e-mail/", "/requests/new/list/"])
def test_only_who_handles_requests_enters_them(client, sales_client, compliance_client, page):
    assert client.get(page).status_code == 302
    assert sales_client.get(page).status_code == 403
    assert compliance_client.get(page).status_code == 200


def test_a_pasted_mail_fills_the_form_and_opens_nothing(compliance_client, places):
    page = compliance_client.post("/requests/new/e-mail/", {"pasted": MAIL}).content.decode()
    assert 'value="ada@home.example"' in page
    assert '<option value="erasure" selected>' in page
    assert "2026-03-02T09:00" in page
    assert not SubjectRequest.objects.exists()
    assert compliance_client.post("/requests/new/e-mail/", {"pasted": " "}).status_code == 422


def test_a_good_list_is_opened_at_once(compliance_client, places):
    assert (
        upload(compliance_client, "kind;emails\naccess;ada@home.example\nobjection;bob@home.example\n").status_code
        == 302
    )
    assert list(SubjectRequest.objects.order_by("id").values_list("kind", "channel")) == [
        ("access", "csv"), ("objection", "csv")
    ]  # fmt: skip


def test_a_list_with_faults_names_them_and_waits_for_a_word(compliance_client, places):
    text = "kind,emails\naccess,ada@home.example\nnonsense,bob@home.example\naccess,\n"
    answer = upload(compliance_client, text)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Enter at least one of" in page
    assert not SubjectRequest.objects.exists()
    assert upload(compliance_client, text, open="1").status_code == 302
    assert SubjectRequest.objects.count() == 1


@pytest.mark.parametrize("text", ["", "x,y\n1,2\n", "kind\n", 'kind\n"open'])
def test_what_is_no_list_is_said(compliance_client, text):
    answer = upload(compliance_client, text)
    assert answer.status_code == 422
    assert b"invalid-feedback" in answer.content


# ---------------------------------------------------------------- API


@pytest.fixture
def send(client):
    def post(body, scope=Scope.REQUESTS_WRITE):
        _, key = ApiKey.issue(name="form", scopes=[scope], by=None)
        text = body if isinstance(body, str) else json.dumps(body)
        return client.post("/api/requests", text, content_type="application/json", headers={"X-API-Key": key})

    return post


def test_another_program_opens_a_request(send, places):
    answer = send({"kind": "objection", "emails": ["ada@home.example"], "received_at": "2026-03-02T10:00:00Z"})
    request = SubjectRequest.objects.get()
    assert (answer.status_code, request.channel) == (201, "api")
    assert answer.json() == {
        "reference": request.reference, "due_on": "2026-04-02", "status": request.status, "duplicate_of": ""
    }  # fmt: skip
    again = send({"kind": "objection", "emails": ["ada@home.example"]})
    assert again.json()["duplicate_of"] in (request.reference, "")


@pytest.mark.parametrize("body", [{"kind": "access"}, {"kind": "access", "emails": ["secret"]}, "[]", {"kind": 1}])
def test_a_faulty_one_is_refused_with_sentences_that_repeat_nothing(send, places, body):
    answer = send(body)
    assert answer.status_code == 422
    assert answer.json()["faults"]
    assert b"secret" not in answer.content
    assert not SubjectRequest.objects.exists()


def test_a_key_for_leads_opens_no_request(send, client):
    assert send({"kind": "access", "emails": ["a@b.example"]}, Scope.LEADS_WRITE).status_code == 403
    assert client.post("/api/requests", "{}", content_type="application/json").status_code == 401


def test_the_good_rows_of_a_list_are_opened_without_its_file_again(compliance_client, places):
    page = upload(compliance_client, "kind,emails\naccess,ada@home.example\nnonsense,bob@home.example\n")
    assert "a valid request type" in page.content.decode()
    assert "Import 1 valid row, skip the rest" in page.content.decode()
    sent = {"text": page.context["text"], "open": "1"}
    assert compliance_client.post("/requests/new/list/", sent).status_code == 302
    assert SubjectRequest.objects.get().kind == "access"
    assert compliance_client.post("/requests/new/list/", {"open": "1"}).status_code == 422


def test_a_mistake_is_told_beside_its_field_by_the_field_s_label(compliance_client):
    entered = {
        "kind": "erasure",
        "channel": "phone",
        "received_at": "2017-01-01T10:00",
        "emails": "ada@acme.example, no-address",
        "phone": "12",
        "regime": "eu",
        "calendar": "DE",
    }
    answer = compliance_client.post("/requests/new/", entered)
    assert answer.status_code == 422
    assert answer.context["form"].errors == {
        "emails": ["One of the e-mail addresses isn't a valid e-mail address"],
        "phone": ["Phone isn't a valid phone number; include the country code, as in +49 30 123456"],
        "received_at": ["Received at is before 25 May 2018, when the GDPR took effect"],
    }
    assert SubjectRequest.objects.count() == 0
