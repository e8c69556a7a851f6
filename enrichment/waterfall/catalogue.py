"""The provider tables of the specification, as the first content of the catalogue (D9).

Costs are US dollars a hit, accuracy a share; where the specification gives none, none is made up.
"""

from typing import NamedTuple


class Service(NamedTuple):
    provider: str
    waterfall: str
    cost: str | None
    accuracy: str | None
    coverage: str
    fields: list[str]


# slug: (name, calls an hour or None) - specification, "Provider Rate Limits (via Clay)"
PROVIDERS: dict[str, tuple[str, int | None]] = {
    "apollo": ("Apollo", 500),
    "hunter": ("Hunter.io", 1000),
    "clearbit": ("Clearbit", 300),
    "pdl": ("PDL", None),
    "snovio": ("Snov.io", None),
    "cognism": ("Cognism", None),
    "lusha": ("Lusha", None),
    "zoominfo": ("ZoomInfo", None),
    "linkedin": ("LinkedIn", None),
    "crunchbase": ("Crunchbase", 200),
    "builtwith": ("BuiltWith", 100),
    "hginsights": ("HG Insights", None),
    "wappalyzer": ("Wappalyzer", None),
}
_email = ["email_work", "email_personal"]
_firm = ["company_industry", "company_size", "company_revenue", "company_location"]

SERVICES = [
    Service("apollo", "email", "0.03", "0.95", "", _email),
    Service("hunter", "email", "0.02", "0.92", "", _email),
    Service("clearbit", "email", "0.05", "0.90", "", _email),
    Service("pdl", "email", "0.04", "0.88", "", _email),
    Service("snovio", "email", "0.02", "0.85", "", _email),
    Service("cognism", "phone", "0.10", "0.90", "", ["phone"]),
    Service("lusha", "phone", "0.08", "0.85", "", ["phone"]),
    Service("zoominfo", "phone", "0.12", "0.88", "", ["phone"]),
    Service("clearbit", "company", None, None, "industry, size, revenue, location", _firm),
    Service("linkedin", "company", None, None, "size, industry", ["company_size", "company_industry"]),
    Service("crunchbase", "company", None, None, "funding, investors", ["funding_stage", "funding_amount"]),
    Service("builtwith", "techstack", None, None, "Website technologies", ["tech_stack"]),
    Service("hginsights", "techstack", None, None, "Enterprise tech stack", ["tech_stack"]),
    Service("wappalyzer", "techstack", None, None, "Frontend technologies", ["tech_stack"]),
]
