"""Subject requests against stores of the tests' own, without waiting: every wait is over as soon as it began."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from gdpr import data_subjects, rectifiable, stores
from gdpr.kinds import Action
from gdpr.messages import send
from gdpr.models import RequestStep, SubjectRequest
from gdpr.requests import manual_steps
from gdpr.requests.intake import RequestIn
from gdpr.requests.pipeline import approve, execute, open, verify
from gdpr.states import RequestStatus, StepStatus
from swarm_admin.access.models import User
from tests.gdpr.fake_source import DAY, FakeSource, SimpleStore
from tests.gdpr.fake_stores import ADA, BOB, FakeStore, held


class Places(dict[str, FakeStore]):
    """The registered fakes by name; `log` is every call in its order."""

    @property
    def log(self) -> list[tuple[str, str, str]]:
        return self["mirror"].log


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> Places:
    """Mirror (ours), CRM (which can bring records back) and mailer, with Ada in all and Bob beside her."""
    monkeypatch.setattr(stores, "_stores", {})
    log: list[tuple[str, str, str]] = []
    made = (
        FakeStore("mirror", is_recipient=False, order=90, shares=("Crm", "A partner"), log=log),
        FakeStore("crm", order=20, recoverable_days=60, log=log),
        FakeStore("mailer", order=30, log=log),
    )
    for store in made:
        store.records = {"1": held(ADA, "Ada"), "2": held(BOB, "Bob")}
        stores.register(store)
    return Places({store.name: store for store in made})


@pytest.fixture(autouse=True)
def rectifiable_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rectifiable, "_fields", {})
    rectifiable.register("name", "Name", str.title)
    rectifiable.register("title", "Job title", str.strip)


@pytest.fixture
def people(db: None) -> Callable[[str], User]:
    """Staff by name."""

    def make(name: str) -> User:
        return User.objects.get_or_create(email=f"{name}@example.com")[0]

    return make


@pytest.fixture
def officer(people: Callable[[str], User]) -> User:
    return people("officer")


@pytest.fixture
def second(people: Callable[[str], User]) -> User:
    return people("second")


class Desk:
    """The desk as officers and the worker use it, in few words."""

    def __init__(self, officer: User, second: User, places: Places) -> None:
        self.officer, self.second, self.places = officer, second, places

    def open(self, kind: str, *, channel: str = "form", **more: Any) -> SubjectRequest:
        given = {
            "kind": kind,
            "linkedin_url": ADA.linkedin_url,
            "emails": list(ADA.emails),
            "name": "Ada",
            "contact_email": "ada@home.example",
            **more,
        }
        return open.open_request(RequestIn.model_validate(given), channel=channel, by=self.officer)

    def identified(self, kind: str, **more: Any) -> SubjectRequest:
        request = self.open(kind, **more)
        return verify.confirm_identity(request, method="reply", by=self.officer)

    def approved(self, kind: str, **more: Any) -> SubjectRequest:
        """A request whose plan is approved; nothing of it has run yet."""
        request = self.work(self.identified(kind, **more))
        assert request.status == RequestStatus.AWAITING_APPROVAL, state(request)
        return approve.approve(request, plan_hash=request.plan_hash, by=self.second)

    def work(self, request: SubjectRequest, rounds: int = 8) -> SubjectRequest:
        """The worker and the mail, until nothing more comes of it; each round, all waits are over."""
        for _ in range(rounds):
            waiting = RequestStep.objects.filter(request=request, status__in=["planned", "unknown"])
            waiting.update(not_before=timezone.now())
            if not execute.run_due(100, request_id=request.pk) + send.run_due(5):
                break
        request.refresh_from_db()
        return request

    def tell_partner(self, request: SubjectRequest) -> SubjectRequest:
        """The recipient that is no system of ours is told by hand."""
        for step in request.steps.filter(action=Action.NOTIFY, status=StepStatus.MANUAL):
            manual_steps.complete(step, evidence="Told by letter, answered.", by=self.officer)
        request.refresh_from_db()
        return request

    def finished(self, kind: str, **more: Any) -> SubjectRequest:
        """A whole request, with nothing in its way."""
        rules = {"rectification", "erasure"}
        request = self.approved(kind, **more) if kind in rules else self.identified(kind, **more)
        request = self.work(self.tell_partner(self.work(request)))
        assert request.status == RequestStatus.COMPLETED, state(request)
        return request


def state(request: SubjectRequest) -> list[tuple[Any, ...]]:
    """For the message of a failed assertion."""
    request.refresh_from_db()
    steps = request.steps.values_list("action", "store", "status", "error_message", "instructions")
    return [(request.status,), *steps]


@pytest.fixture
def desk(officer: User, second: User, places: Places, monkeypatch: pytest.MonkeyPatch) -> Desk:
    # The whole machine is not searched for each request here; tests/gdpr/leftovers does that.
    from gdpr.leftovers.scan import Report
    from gdpr.requests.pipeline.leftover_step import leftovers

    monkeypatch.setattr(leftovers, "scan", lambda *args, **kwargs: Report(timezone.now()))
    monkeypatch.setattr(leftovers, "tidy", lambda *args, **kwargs: "")
    monkeypatch.setattr(open, "enqueue", lambda request_id: None)
    return Desk(officer, second, places)


@pytest.fixture
def media(settings: Any, tmp_path: Any) -> Any:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture(autouse=True)
def _files_apart(media: Any) -> None:
    """No test leaves files behind."""


@pytest.fixture
def crm(monkeypatch: pytest.MonkeyPatch) -> SimpleStore:
    """The one system outside, with no people yet."""
    monkeypatch.setattr(stores, "_stores", {})
    monkeypatch.setattr(data_subjects, "_sources", {})
    crm = SimpleStore("crm", 10)
    stores.register(crm)
    return crm


@pytest.fixture
def source(crm: SimpleStore) -> FakeSource:
    """People with a record of ours each, and one outside."""
    home = SimpleStore("home", 90)
    stores.register(home)
    source = FakeSource(home)
    data_subjects.register(source)
    return source


@pytest.fixture
def untold(source: FakeSource) -> FakeSource:
    """One who is late for a notice, one in time, and one without an address."""
    source.add("1", collected=timezone.now() - 40 * DAY, mail="ada@x.example")
    source.add("2", collected=timezone.now() - DAY, mail="bob@x.example")
    source.add("3", collected=timezone.now() - DAY)
    return source
