"""Beside the editor: the effect over all leads, who moves, and the same lead under both cards."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from enrichment import versions
from enrichment.documents.scorecard import Scorecard
from enrichment.documents.scorecard_fields import MASKED_FIELDS
from enrichment.documents.scorecard_problems import problems
from enrichment.leads.lead_detail import OPEN_FIELDS
from enrichment.models import Lead, ScorecardVersion
from enrichment.pipeline.score.engine import Engine
from enrichment.pipeline.score.lift import next_tier
from enrichment.scoring import editing, form, preview, publishing
from enrichment.scoring.changes import changes, count
from enrichment.scoring.preview import Effect, TierChange
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.csv_export import dated_name, download, join_blocks, lines
from swarm_admin.core.masking import display_value, may_see
from swarm_admin.core.numbers import parse_int
from swarm_admin.core.screens import screen

VIEW = "enrichment.view_lead"
EDIT = "enrichment.edit_scorecard"
PAGE = 20
FOUND = 8
BLOCK = 2_000
FIELDS = ("id", "first_name", "last_name", "company_name", "title")
MOVERS = ("Lead", "Name", "Company", "Title", "Score before", "Score after", "Tier before", "Tier after")


def effect_context(request: HttpRequest, document: dict[str, Any]) -> dict[str, Any]:
    """What the panel shows: problems, or the changes and their effect."""
    live = versions.published(ScorecardVersion)
    if issues := problems(document):
        built = form.build_form(document, issues)
        return {"live": live, "problems": built.problems, "by_field": json.dumps(dict_of(built))}
    sections = changes(live.document, document)
    measured = publishing.effect_of(document)
    return {
        "live": live,
        "changes": sections,
        "change_count": count(sections),
        "effect": measured,
        "matrix": matrix(measured),
        "chart": json.dumps(chart(measured)),
        "by_field": "{}",
        "unscored": Lead.objects.filter(icp_score=None).exists(),
        **movers_context(request, measured),
    }


def dict_of(built: form.Form) -> dict[str, str]:
    """{id of the control: sentence}."""
    return {control: sentence for control, _, sentence in built.problems}


@dataclass(frozen=True)
class Cell:
    """One cell of the matrix. `share`: percent of its row, for its shade."""

    count: int
    value: str
    kind: str
    shade: int


def matrix(found: Effect) -> list[tuple[str, list[Cell], int]]:
    """(tier before, cells, how many) of each row."""
    rows = []
    for i, counts in enumerate(found.matrix):
        total = sum(counts)
        cells = [
            Cell(n, f"{i + 1}-{j + 1}", "same" if i == j else "up" if j < i else "down", _shade(n, total))
            for j, n in enumerate(counts)
        ]
        rows.append((found.before[i], cells, total))
    return rows


def _shade(count: int, total: int) -> int:
    """0 to 4: how much of the row it is."""
    return 0 if not count or not total else 1 + min(3, 4 * count // total)


def chart(found: Effect) -> dict[str, Any]:
    """What the histogram is drawn from."""
    step = found.edges[1] - found.edges[0]
    labels = [f"{edge:g}\u2013{edge + step:g}" for edge in found.edges]
    return {"labels": labels, "before": found.histogram[0], "after": found.histogram[1]}


# ---------------------------------------------------------------- who moves


@screen(VIEW, "POST")
def movers(request: HttpRequest) -> HttpResponse:
    """A page of the leads whose tier the form's card would change."""
    document = posted_document(request)
    if problems(document):
        return render(request, "enrichment/scoring/_icp_movers.html", {"movers": [], "mover_count": 0})
    return render(
        request, "enrichment/scoring/_icp_movers.html", movers_context(request, publishing.effect_of(document))
    )


def posted_document(request: HttpRequest) -> dict[str, Any]:
    """What is in the form; whoever may not edit, or sees leads masked, gets the effect of what is saved
    where the card looks at what is masked: it could else ask for a value letter by letter.
    """
    if "cap" in request.POST and request.user.has_perm(EDIT):
        document = editing.parse_form(request.POST.dict())
        looks_at = {part.get("field") for part in document.get("components", ()) if isinstance(part, dict)}
        if may_see(request.user) or looks_at.isdisjoint(MASKED_FIELDS):
            return document
    saved: dict[str, Any] = (versions.draft_of(ScorecardVersion) or versions.published(ScorecardVersion)).document
    return saved


def movers_context(request: HttpRequest, found: Effect) -> dict[str, Any]:
    chosen = _cell_of(request)
    moved = preview.tier_changes(found, chosen)
    pages = max(1, -(-moved.height // PAGE))
    at = min(max(parse_int(request.POST.get("movers_page")) or 1, 1), pages)
    some = preview.page_of(moved, (at - 1) * PAGE, PAGE)
    return {
        "movers": list(_named(request, some)),
        "mover_count": moved.height,
        "mover_page": at,
        "mover_pages": pages,
        "mover_cell": f"{chosen[0]}-{chosen[1]}" if chosen else "",
        "mover_from": found.before[chosen[0] - 1] if chosen and chosen[0] <= len(found.before) else "",
        "mover_to": found.after[chosen[1] - 1] if chosen and chosen[1] <= len(found.after) else "",
        "first": (at - 1) * PAGE + 1 if moved.height else 0,
        "last": min(at * PAGE, moved.height),
    }


def _cell_of(request: HttpRequest) -> tuple[int, int] | None:
    before, after = (parse_int(text, most=99) for text in request.POST.get("cell", "").partition("-")[::2])
    return None if before is None or after is None else (before, after)


def _named(request: HttpRequest, some: Sequence[TierChange]) -> Iterator[dict[str, Any]]:
    leads = Lead.objects.only(*FIELDS).in_bulk([mover.lead_id for mover in some])
    for mover in some:
        if lead := leads.get(mover.lead_id):
            name = display_value(request.user, lead.full_name, "name") or f"Lead {lead.pk}"
            yield {"mover": mover, "lead": lead, "name": name}


@screen(VIEW, "POST")
def export(request: HttpRequest) -> HttpResponseBase:
    """Everyone whose tier the form's card would change, as CSV; masked for people who see it masked."""
    document = posted_document(request)
    if problems(document):
        return render(request, "enrichment/scoring/icp_effect.html", effect_context(request, document), status=422)
    card_effect = publishing.effect_of(document)
    moved = preview.tier_changes(card_effect, _cell_of(request))
    with transaction.atomic():
        audit.record(
            Verb.EXPORT_MOVERS,
            by=request.user,
            object_type="lead",
            fields=[*FIELDS, "icp_score", "icp_tier"],
            counts={"leads": moved.height},
            reason="" if may_see(request.user) else "masked",
        )
    return download(join_blocks(lines(MOVERS, _rows(request, card_effect, moved))), dated_name("tier-moves"))


def _rows(request: HttpRequest, found: Effect, moved: Any) -> Iterator[Sequence[object]]:
    for start in range(0, moved.height, BLOCK):
        for row in _named(request, preview.page_of(moved, start, BLOCK)):
            mover, lead = row["mover"], row["lead"]
            scores = (f"{score:g}" for score in (mover.score_before, mover.score))
            tiers = (found.before[mover.tier_before - 1], found.after[mover.tier - 1])
            yield (lead.pk, row["name"], lead.company_name, lead.title, *scores, *tiers)


# ---------------------------------------------------------------- one lead


@screen(VIEW, "POST")
def try_lead(request: HttpRequest) -> HttpResponse:
    """One lead under the live card and under the form's, side by side; or the leads a search finds."""
    chosen, text = request.POST.get("try", ""), request.POST.get("try_search", "").strip()
    context: dict[str, Any] = {"searched": text}
    key = parse_int(chosen)
    lead = Lead.objects.filter(pk=key).first() if key is not None else None
    if lead is not None:
        context |= _compared(request, lead, posted_document(request))
    elif text:
        context["found"] = list(_search(request, text))
    return render(request, "enrichment/scoring/_icp_try.html", context)


def _search(request: HttpRequest, text: str) -> Iterator[dict[str, Any]]:
    if (key := parse_int(text)) is not None:
        leads = list(Lead.objects.only(*FIELDS).filter(pk=key))
    else:
        some = Lead.objects.matching(text, personal=may_see(request.user))
        leads = list(some.only(*FIELDS).order_by("-received_at", "-id")[:FOUND])
    for lead in leads:
        yield {"lead": lead, "name": display_value(request.user, lead.full_name, "name") or f"Lead {lead.pk}"}


def _compared(request: HttpRequest, lead: Lead, document: dict[str, Any]) -> dict[str, Any]:
    live = versions.published(ScorecardVersion)
    sides = [_side(request, lead, live.document)]
    if not problems(document):
        sides.append(_side(request, lead, document))
    rows: dict[str, dict[str, Any]] = {}
    for place, side in enumerate(sides):
        for line in side["said"]:
            rows.setdefault(line["component"], {"label": line["label"], "sides": [None] * len(sides)})
            rows[line["component"]]["sides"][place] = line
            rows[line["component"]]["label"] = line["label"]
    for row in rows.values():
        points = [line["points"] if line else None for line in row["sides"]]
        row["differs"] = len(set(points)) > 1
    name = display_value(request.user, lead.full_name, "name") or f"Lead {lead.pk}"
    return {"lead": lead, "name": name, "sides": sides, "rows": list(rows.values()), "live": live}


def _side(request: HttpRequest, lead: Lead, document: dict[str, Any]) -> dict[str, Any]:
    card = Scorecard.model_validate(document)
    scorer = Engine(card)
    score = scorer.score_leads([lead.values(*scorer.columns)])[0]
    fields = {part.id: part.field for part in card.components}
    readable = may_see(request.user)
    lines = [
        {**each, "matched": each["matched"] if readable or fields[each["component"]] in OPEN_FIELDS else []}
        for each in score.explanation
    ]
    lifts = next_tier(score, card, scorer)
    return {
        "points": score.points,
        "tier": score.tier,
        "tier_name": card.tier_name(score.tier),
        "said": lines,
        "lift": lifts[0].sentence if lifts else "",
    }
