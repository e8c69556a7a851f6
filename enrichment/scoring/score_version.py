"""Which version of the scorecard a lead's score is of.

A rescore writes only leads whose score or tier changes; the others have the score of the new version already,
and keep the key of the one that wrote it. So a lead's score is of the newest version whose rescore has passed it,
or of the version that wrote it, whichever is newer.
"""

from __future__ import annotations

from collections.abc import Iterable

from enrichment.models import Lead, Rescore, ScorecardVersion


def versions_of(leads: Iterable[Lead]) -> dict[int, ScorecardVersion]:
    """{lead: the version its score is of}; a lead that was never scored is left out. Two queries."""
    asked = [lead for lead in leads if lead.scorecard_id is not None]
    if not asked:
        return {}
    rescores = list(Rescore.objects.select_related("version").order_by("-version__number"))
    wrote = ScorecardVersion.objects.in_bulk({lead.scorecard_id for lead in asked})
    return {lead.pk: _newest(lead, wrote[lead.scorecard_id], rescores) for lead in asked}


def version_of(lead: Lead) -> ScorecardVersion | None:
    """The version this lead's score is of; None where it was never scored."""
    return versions_of([lead]).get(lead.pk)


def _newest(lead: Lead, wrote: ScorecardVersion, rescores: list[Rescore]) -> ScorecardVersion:
    if lead.restriction:  # no rescore touches it
        return wrote
    for rescore in rescores:
        if rescore.version.number <= wrote.number:
            return wrote
        if lead.pk <= rescore.cursor:
            return rescore.version
    return wrote
