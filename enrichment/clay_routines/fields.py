"""Our fields as routines know them: what an input may be given, what a result may bring, and what both are called."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from enrichment.models import Lead
from enrichment.vendors.clay.callback import COLUMNS

# What an input may be given, by our names, as people read them.
INPUT_LABELS: Final[Mapping[str, str]] = {
    "full_name": "Full name",
    "first_name": "First name",
    "last_name": "Last name",
    "linkedin_url": "LinkedIn URL",
    "company_name": "Company",
    "company_domain": "Company domain",
    "title": "Job title",
    "email_work": "Work e-mail",
    "email_personal": "Personal e-mail",
}
_WATERFALLS: Final[Mapping[str, str]] = {
    "email": "e-mail",
    "phone": "phone",
    "company": "company data",
    "techstack": "tech stack",
}
# Not values of the lead, but of the run: see `vendors.clay.callback`.
RUN_LABELS: Final[Mapping[str, str]] = {
    **{f"{name}_provider": f"Provider of the {label}" for name, label in _WATERFALLS.items()},
    "cost": "Cost of the run (USD)",
    **{f"{name}_cost": f"Cost of the {label} (USD)" for name, label in _WATERFALLS.items()},
    "error": "Error",
    "linkedin_url": "LinkedIn URL (to check that it is the same person)",
}
OUTPUT_COLUMNS: Final = (*sorted(COLUMNS), *RUN_LABELS)
# Names that routines commonly use, without what is no letter or digit, beside our own.
_INPUT_NAMES: Final[Mapping[str, str]] = {
    "name": "full_name",
    "personname": "full_name",
    "firstname": "first_name",
    "lastname": "last_name",
    "company": "company_name",
    "organization": "company_name",
    "domain": "company_domain",
    "website": "company_domain",
    "companywebsite": "company_domain",
    "linkedin": "linkedin_url",
    "linkedinprofile": "linkedin_url",
    "linkedinprofileurl": "linkedin_url",
    "profileurl": "linkedin_url",
    "jobtitle": "title",
    "email": "email_work",
    "workemail": "email_work",
    "personalemail": "email_personal",
}
_OUTPUT_NAMES: Final[Mapping[str, str]] = {
    "email": "email_work",
    "workemail": "email_work",
    "businessemail": "email_work",
    "personalemail": "email_personal",
    "phonenumber": "phone",
    "mobile": "phone",
    "mobilephone": "phone",
    "jobtitle": "title",
    "company": "company_name",
    "domain": "company_domain",
    "website": "company_domain",
    "companywebsite": "company_domain",
    "industry": "company_industry",
    "employees": "company_size",
    "employeecount": "company_size",
    "headcount": "company_size",
    "companysize": "company_size",
    "revenue": "company_revenue",
    "annualrevenue": "company_revenue",
    "location": "company_location",
    "technologies": "tech_stack",
    "techstack": "tech_stack",
    "headline": "linkedin_headline",
    "summary": "linkedin_summary",
    "connections": "linkedin_connections",
    "provider": "email_provider",
    "emailsource": "email_provider",
    "phonesource": "phone_provider",
    "totalcost": "cost",
}
_NO_LETTER = re.compile(r"[^a-z0-9]+")


def guess_input(name: str) -> str:
    """Our field that an input of this name asks for; "" where it cannot be told."""
    return _guess(name, INPUT_LABELS, _INPUT_NAMES)


def guess_output(name: str) -> str:
    """Our column that a result's name stands for, by its last part; "" where it cannot be told."""
    return _guess(name.rpartition(".")[2], OUTPUT_COLUMNS, _OUTPUT_NAMES)


def _guess(name: str, ours: Iterable[str], others: Mapping[str, str]) -> str:
    bare = _bare(name)
    by_bare = {_bare(each): each for each in ours}
    return by_bare.get(bare) or others.get(bare, "")


def _bare(name: str) -> str:
    return _NO_LETTER.sub("", name.casefold()[:100])


def value_of(lead: Lead, field: str) -> str:
    """What an input is given; "" where the lead has none."""
    if field == "full_name":
        return " ".join(word for word in (lead.first_name, lead.last_name) if word)
    return str(getattr(lead, field))
