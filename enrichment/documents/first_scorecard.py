"""Version 1 of the scorecard."""

from typing import Any

_TECHNOLOGIES = ("salesforce", "hubspot", "outreach", "gong", "clari")

# Specification, "ICP Scoring Formula": the published JavaScript, to the point (D2).
PUBLISHED: dict[str, Any] = {
    "components": [
        {
            "id": "company_size",
            "label": "Company size",
            "field": "company_size",
            "cap": 30,
            "kind": "bands",
            "unit": "employees",
            "bands": [
                {"at_least": 200, "at_most": 2000, "points": 30},
                {"at_least": 100, "below": 200, "points": 20},
                {"at_least": 50, "below": 100, "points": 10},
                {"above": 2000, "at_most": 5000, "points": 15},
            ],
        },
        {
            "id": "industry",
            "label": "Industry",
            "field": "company_industry",
            "cap": 20,
            "kind": "any_of",
            "groups": [{"values": ["SaaS", "Technology", "Software", "B2B"], "points": 20}],
        },
        {
            "id": "title",
            "label": "Title seniority",
            "field": "title",
            "cap": 25,
            "kind": "rules",
            "rules": [
                {"needles": ["chief", "cro", "ceo"], "match": "substring", "points": 25},
                {"needles": ["vp", "vice president"], "match": "substring", "points": 20},
                {"needles": ["director"], "match": "substring", "points": 15},
                {"needles": ["head of", "senior"], "match": "substring", "points": 10},
            ],
        },
        {
            "id": "tech_stack",
            "label": "Tech stack",
            "field": "tech_stack",
            "cap": 15,
            "kind": "count",
            "needles": [{"needle": needle, "points": 5} for needle in _TECHNOLOGIES],
            "match": "substring",
            "entry": "target technology",
            "entries": "target technologies",
        },
        {
            "id": "funding",
            "label": "Funding stage",
            "field": "funding_stage",
            "cap": 10,
            "kind": "any_of",
            "groups": [{"values": ["Series A", "Series B", "Series C"], "points": 10}],
        },
    ],
    "cap": 100,
    "tiers": [
        {"name": "Tier 1", "at_least": 80},
        {"name": "Tier 2", "at_least": 50},
        {"name": "Tier 3"},
    ],
}
