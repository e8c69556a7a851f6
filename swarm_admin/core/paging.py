"""Pages of a long list in the order of time, by cursor: a page a million rows down costs what the first one costs."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet
from django.http import QueryDict

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class Page(Generic[Row]):
    """`after`, `before`: the id a next or previous page begins at, None where there is none."""

    rows: list[Row]
    after: int | None
    before: int | None


def by_time(
    rows: QuerySet[Row],
    *,
    size: int,
    moment: str = "",
    after: int = 0,
    before: int = 0,
    oldest_first: bool = False,
) -> Page[Row]:
    """The `size` rows after (or before) the row with that id, by `moment` and id, or by id alone.

    Newest first, unless `oldest_first`. Where the cursor's row is gone, a list by id goes on behind its place, and
    one by `moment` begins anew.
    """
    anchor = _anchor(rows, moment, after or before)
    backwards = bool(before and not after and anchor is not None)
    rising = backwards != oldest_first
    names = [name for name in (moment, "pk") if name]
    found = rows if anchor is None else rows.filter(_beyond(moment, anchor, rising))
    taken = list(found.order_by(*(name if rising else f"-{name}" for name in names))[: size + 1])
    more, taken = len(taken) > size, taken[:size]
    if backwards:
        taken.reverse()
    is_before, is_after = (more, True) if backwards else (anchor is not None, more)
    return Page(
        taken,
        after=taken[-1].pk if taken and is_after else None,
        before=taken[0].pk if taken and is_before else None,
    )


def _anchor(rows: QuerySet[Any], moment: str, pk: int) -> tuple[Any, int] | None:
    if not pk or not moment:
        return (None, pk) if pk else None
    found: tuple[Any, int] | None = rows.model._default_manager.filter(pk=pk).values_list(moment, "pk").first()
    return found


def _beyond(moment: str, anchor: tuple[Any, int], rising: bool) -> Q:
    at, pk = anchor
    way = "gt" if rising else "lt"
    if not moment:
        return Q(**{f"pk__{way}": pk})
    # The first condition alone is a stretch of the index; the second cuts within one moment.
    return Q(**{f"{moment}__{way}e": at}) & (Q(**{f"{moment}__{way}": at}) | Q(**{f"pk__{way}": pk}))


def query_with(params: QueryDict, **changes: Any) -> str:
    """The address's query with these parameters set, or taken out where None."""
    changed = params.copy()
    for name, value in changes.items():
        changed.pop(name, None)
        if value is not None:
            changed[name] = str(value)
    return changed.urlencode()
