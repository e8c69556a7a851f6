"""Publishing a scorecard, its history, rolling back, the banner and the review."""

import pytest
from django.urls import reverse
from django.utils import timezone

from enrichment import versions
from enrichment.documents.scorecard import PUBLISHED
from enrichment.jobs import jobs
from enrichment.models import BulkJob, Lead, Rescore, ScorecardVersion, TierMove
from enrichment.models.version import forget_active
from enrichment.pipeline.score import apply as scoring
from enrichment.scoring import rescore
from gdpr.suppression import gate
from tests.enrichment.scoring.views.test_icp import LESS, edited
from tests.factories import EnrichedLeadFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("scoring_snapshot")]
MORE = {"tiers": [{"name": "Tier 1", "at_least": 20}, {"name": "Tier 2", "at_least": 10}, {"name": "Tier 3"}]}
LOW = {"company_size": None, "company_industry": "Retail", "title": "Clerk", "tech_stack": [], "phone": ""}


@pytest.fixture(autouse=True)
def no_late_writers(monkeypatch):
    monkeypatch.setattr(rescore, "ACTIVE_SECONDS", 0.0)


def scored(**values):
    lead = EnrichedLeadFactory(**values)
    scoring.apply(lead)
    lead.save()
    return lead


def draft(**changes):
    found = versions.start_draft(ScorecardVersion, by=None)
    return versions.save_draft(found, edited(**changes), revision=found.revision, by=None)


def publish(client, version, **more):
    data = {
        "draft": version.pk,
        "revision": version.revision,
        "over": 1,
        "note": "Large companies too",
        "after": "nothing",
        **more,
    }
    answer = client.post(reverse("icp_publish_run"), data)
    forget_active()
    return answer


def test_the_plan_says_what_changes_who_moves_and_where_it_would_send(sales_client):
    scored(**LOW)
    scored(**{**LOW, "email_work": ""})
    scored()
    draft(**MORE)
    page = sales_client.get(reverse("icp_publish"))
    assert page.status_code == 200
    delivery = page.context["delivery"]
    assert (delivery.entering, delivery.lifted) == (2, 1)
    assert {place.system: place.count for place in delivery.destinations} == {"ghl": 1, "instantly": 1}
    assert delivery.left_out == {"has neither e-mail nor phone": 1}
    text = page.content.decode()
    assert "Tier 2 begins at" in text
    assert "Deliver 1 after the rescore" in text


def test_the_plan_leaves_out_who_is_suppressed(sales_client):
    lead = scored(**LOW)
    gate.suppress(lead.identity, reason="erased")
    draft(**MORE)
    delivery = sales_client.get(reverse("icp_publish")).context["delivery"]
    assert (delivery.lifted, delivery.left_out["is suppressed"]) == (0, 1)


def test_there_is_no_plan_of_nothing(sales_client):
    answer = sales_client.get(reverse("icp_publish"), follow=True)
    assert "There is no draft." in answer.content.decode()
    draft()
    answer = sales_client.get(reverse("icp_publish"), follow=True)
    assert "is identical to the published version 1" in answer.content.decode()


def test_publishing_starts_the_rescore_and_shows_its_job(sales_client):
    lead = scored()
    answer = publish(sales_client, draft(**LESS))
    job = BulkJob.objects.get()
    assert answer["Location"] == reverse("job", args=[job.pk])
    assert (job.kind, job.total, job.created_by.email) == ("rescore", 1, "sales@example.com")
    page = sales_client.get(answer["Location"]).content.decode()
    assert "All leads rescored with scorecard version 2" in page
    assert "A rescore can&#x27;t be cancelled" in page
    rescore.run_due()
    lead.refresh_from_db()
    assert lead.icp_score == 65.0
    assert "All tiers are from version 2." in sales_client.get(answer["Location"]).content.decode()


def test_a_rescore_cannot_be_cancelled_by_anybody(sales_client, admin_client):
    scored()
    publish(sales_client, draft(**LESS))
    job = BulkJob.objects.get()
    for client in (sales_client, admin_client):
        assert client.post(reverse("job_cancel", args=[job.pk])).status_code == 403
    job.refresh_from_db()
    assert job.status == "queued"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"note": " "}, "Enter what changes and why"),
        ({"after": "all"}, "Choose what happens"),
        ({"over": "7"}, "Another version was published"),
        ({"over": ""}, "Another version was published"),
    ],
)
def test_what_is_missing_is_said_and_the_note_is_kept(sales_client, more, words):
    answer = publish(sales_client, draft(**LESS), **more)
    assert answer.status_code == 409
    text = answer.content.decode()
    assert words in text
    if "note" not in more:
        assert "Large companies too" in text
    assert versions.published(ScorecardVersion).number == 1
    assert not BulkJob.objects.exists()


def test_only_what_was_looked_at_is_published(sales_client):
    version = draft(**LESS)
    versions.save_draft(version, edited(cap=99), revision=version.revision, by=None)
    answer = publish(sales_client, version)
    assert answer["Location"] == reverse("icp_publish")
    assert versions.published(ScorecardVersion).number == 1


def test_a_draft_that_is_gone_is_said(sales_client):
    version = draft(**LESS)
    versions.discard(version, revision=version.revision, by=None)
    assert publish(sales_client, version)["Location"] == reverse("icp")


def test_who_may_not_deliver_cannot_choose_it(make_client):
    from django.contrib.auth.models import Permission

    from swarm_admin.access.models import User

    client = make_client(name="editor")
    user = User.objects.get(email="editor@example.com")
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_lead", "edit_scorecard"]))
    scored(**LOW)
    version = draft(**MORE)
    assert "have permission to start deliveries." in client.get(reverse("icp_publish")).content.decode()
    assert publish(client, version, after="deliver").status_code == 409
    assert versions.published(ScorecardVersion).number == 1
    assert publish(client, version, after="review").status_code == 302


# ---------------------------------------------------------------- history


def test_history_shows_each_version_with_its_note_and_rolls_back(sales_client):
    lead = scored()
    publish(sales_client, draft(**LESS))
    rescore.run_due()
    page = sales_client.get(reverse("icp_history")).content.decode()
    assert "Large companies too" in page
    first = sales_client.get(reverse("icp_version", args=[1])).content.decode()
    assert "Roll back to this version" in first
    second = sales_client.get(reverse("icp_version", args=[2])).content.decode()
    assert "This version is already published." in second
    assert "200 to 2,000 employees" in second
    plan = sales_client.get(reverse("icp_roll_back", args=[1]))
    assert plan.context["effect"].moved == 1
    data = {"over": 2, "note": "It was better before", "after": "nothing"}
    assert sales_client.post(reverse("icp_roll_back", args=[1]), data).status_code == 302
    forget_active()
    assert versions.published(ScorecardVersion).number == 3
    rescore.run_due()
    lead.refresh_from_db()
    assert lead.icp_score == 90.0


def test_there_is_no_roll_back_to_what_is_published_or_never_was(sales_client):
    assert sales_client.get(reverse("icp_roll_back", args=[1]), follow=True).redirect_chain
    version = draft(**LESS)
    assert sales_client.get(reverse("icp_version", args=[version.number])).status_code == 404
    assert sales_client.get(reverse("icp_roll_back", args=[version.number])).status_code == 404
    refused = sales_client.post(reverse("icp_roll_back", args=[1]), {"over": 1, "note": "the same", "after": "nothing"})
    assert refused.status_code == 409


# ---------------------------------------------------------------- the banner and the marks


def test_a_banner_says_how_far_it_is_on_every_page_until_it_has_ended(sales_client):
    scored()
    assert "Rescoring" not in sales_client.get(reverse("leads")).content.decode()
    publish(sales_client, draft(**LESS))
    for name in ("overview", "leads", "icp"):
        page = sales_client.get(reverse(name)).content.decode()
        assert "Rescoring to version 2: 0 %." in page
        assert "1 lead still has a tier from version 1" in page
    fragment = sales_client.get(reverse("icp_rescore")).content.decode()
    assert 'hx-trigger="every 1s"' in fragment
    rescore.run_due()
    fragment = sales_client.get(reverse("icp_rescore")).content.decode()
    assert "hx-trigger" not in fragment
    assert "Rescoring" not in fragment


def test_leads_that_are_not_scored_yet_are_marked(sales_client):
    lead = scored()
    publish(sales_client, draft(**LESS))
    for url in (reverse("leads"), reverse("lead", args=[lead.pk])):
        assert "tier from version 1" in sales_client.get(url).content.decode().split("<main", 1)[1]
    rescore.run_due()
    for url in (reverse("leads"), reverse("lead", args=[lead.pk])):
        assert "tier from version 1" not in sales_client.get(url).content.decode()


def test_one_that_stopped_is_said_and_resumed(sales_client, compliance_client, monkeypatch):
    scored()
    publish(sales_client, draft(**LESS))
    with monkeypatch.context() as patched:
        patched.setattr(rescore, "score_leads", lambda *args: 1 / 0)
        rescore.run_due()
    assert "The rescore to version 2 stopped at 0 %." in sales_client.get(reverse("overview")).content.decode()
    url = reverse("icp_rescore_resume", args=[Rescore.objects.get().pk])
    assert compliance_client.post(url).status_code == 403
    assert sales_client.post(url).status_code == 302
    rescore.run_due()
    assert BulkJob.objects.get().status == "done"
    again = sales_client.post(url, follow=True).content.decode()
    assert "This rescore is still running." in again


# ---------------------------------------------------------------- the review


@pytest.fixture
def waiting(sales_client):
    leads = [scored(**LOW), scored(**LOW)]
    publish(sales_client, draft(**MORE), after="review")
    rescore.run_due()
    return leads


def test_lifted_leads_stand_in_the_review(sales_client, waiting):
    page = sales_client.get(reverse("icp_review"))
    assert {move.lead for move, _ in page.context["rows"]} == set(waiting)
    assert "2 leads to review." in page.content.decode()


def test_chosen_ones_are_delivered_after_the_plan_was_shown(sales_client, waiting):
    move = TierMove.objects.get(lead=waiting[0])
    plan = sales_client.post(reverse("icp_review_plan"), {"id": move.pk}).context["plan"]
    assert (plan["count"], plan["fields"]) == (1, [("id", move.pk)])
    answer = sales_client.post(reverse("icp_review_deliver"), {"id": move.pk})
    job = BulkJob.objects.get(kind="deliver_moved")
    assert answer["Location"] == reverse("job", args=[job.pk])
    jobs.run_due()
    assert waiting[0].handovers.count() == 2
    assert not waiting[1].handovers.exists()
    assert TierMove.objects.get(lead=waiting[1]).status == "waiting"
    assert sales_client.get(answer["Location"]).status_code == 200


def test_all_of_them_are_delivered(sales_client, waiting):
    Lead.objects.filter(pk=waiting[0].pk).update(restriction="objection")
    plan = sales_client.post(reverse("icp_review_plan"), {"all": "1"}).context["plan"]
    assert (plan["count"], plan["left_out"]) == (1, [{"count": 1, "why": "suppressed or restricted"}])
    sales_client.post(reverse("icp_review_deliver"), {"all": "1"})
    jobs.run_due()
    assert waiting[1].handovers.count() == 2
    assert not waiting[0].handovers.exists()


def test_chosen_ones_are_dismissed(sales_client, waiting):
    move = TierMove.objects.get(lead=waiting[0])
    sales_client.post(reverse("icp_review_dismiss"), {"id": move.pk})
    move.refresh_from_db()
    assert (move.status, move.decided_by.email) == ("dismissed", "sales@example.com")
    assert [each.lead for each, _ in sales_client.get(reverse("icp_review")).context["rows"]] == [waiting[1]]


@pytest.mark.parametrize("name", ["icp_review_plan", "icp_review_deliver", "icp_review_dismiss"])
def test_nothing_chosen_is_said(sales_client, name):
    answer = sales_client.post(reverse(name), {"id": "x"}, follow=True)
    assert answer.redirect_chain
    assert "alert" in answer.content.decode() or "toast" in answer.content.decode()


def test_the_seeded_card_is_left_as_it_is():
    assert versions.published(ScorecardVersion).document == PUBLISHED
    assert timezone.now() > versions.published(ScorecardVersion).published_at
