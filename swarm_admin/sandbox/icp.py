"""Clay's formula column: the published JavaScript, as JavaScript would reckon it."""

from typing import Any

INDUSTRIES = {"SaaS", "Technology", "Software", "B2B"}
TECH = ("salesforce", "hubspot", "outreach", "gong", "clari")
STAGES = {"Series A", "Series B", "Series C"}
COLUMNS = {"company_size", "company_industry", "title", "tech_stack", "funding_stage"}


def number(value: Any) -> float:
    """A number as JavaScript's comparison makes one of it; what is none compares as 0 here."""
    try:
        return float(value or 0)
    except (TypeError, ValueError):
        return 0.0


def items(value: Any) -> list[str]:
    """A list column, also where it came as "a, b"."""
    if isinstance(value, str):
        return [each.strip() for each in value.split(",") if each.strip()]
    return [each for each in value or [] if isinstance(each, str)]


def size_points(size: float) -> int:
    """Company size, at most 30."""
    if 200 <= size <= 2000:
        return 30
    if 100 <= size < 200:
        return 20
    if 50 <= size < 100:
        return 10
    return 15 if 2000 < size <= 5000 else 0


def title_points(title: str) -> int:
    """Seniority by substrings, at most 25 ("cro" matches inside "Microsoft", D2)."""
    for points, words in (
        (25, ("chief", "cro", "ceo")),
        (20, ("vp", "vice president")),
        (15, ("director",)),
        (10, ("head of", "senior")),
    ):
        if any(word in title for word in words):
            return points
    return 0


def score(row: dict[str, Any]) -> int:
    """0 to 100."""
    matches = sum(any(word in each.lower() for word in TECH) for each in items(row.get("tech_stack")))
    points = size_points(number(row.get("company_size"))) + title_points((row.get("title") or "").lower())
    points += 20 if row.get("company_industry") in INDUSTRIES else 0
    points += min(matches * 5, 15)
    points += 10 if row.get("funding_stage") in STAGES else 0
    return min(points, 100)


def tier(points: int) -> str:
    """Tier 1 from 80, Tier 2 from 50."""
    return "Tier 1" if points >= 80 else "Tier 2" if points >= 50 else "Tier 3"
