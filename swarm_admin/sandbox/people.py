"""Made-up people and companies: the same LinkedIn URL and seed give the same person, a domain one company."""

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import unquote

from swarm_admin.sandbox.config import EXAMPLE_URL

Choice = TypeVar("Choice")

FIRST_NAMES = (
    "Anna Ben Carla David Elena Felix Grace Hugo Ines Jonas Kira Liam Maya Noah Olga Paul Rosa Sam Tara Uwe "
    "Vera Will Yara Zoe Amir Bianca Chen Dina Emil Farah"
).split()
LAST_NAMES = (
    "Adler Brooks Castro Diaz Evans Fischer Garcia Hansen Ito Jensen Kowalski Lopez Meyer Novak Okafor Patel "
    "Quinn Rossi Silva Tanaka Ueda Vargas Weber Xu Young Zimmer Ahmed Bauer Costa Duval"
).split()
COMPANY_FIRST = "North Blue Clear Bright Iron Summit River Cedar Atlas Nova Delta Orbit Harbor Pixel Quartz".split()
COMPANY_LAST = "Labs Works Systems Cloud Data Soft Metrics Logic Stack Health Freight Foods Retail Energy".split()

# Three qualities of company, so that the tiers come out mixed.
GOOD_INDUSTRIES = ("SaaS", "Technology", "Software", "B2B")
OTHER_INDUSTRIES = ("Healthcare", "Logistics", "Retail", "Manufacturing", "Education", "Energy", "Media")
TARGET_TECH = ("Salesforce", "HubSpot", "Outreach", "Gong", "Clari")
OTHER_TECH = (
    "Google Analytics",
    "Cloudflare",
    "WordPress",
    "Shopify",
    "Segment",
    "Stripe",
    "Zendesk",
    "Intercom",
    "AWS",
    "React",
    "Marketo",
    "Datadog",
)
GOOD_FUNDING = (("Series A", "$12M"), ("Series B", "$35M"), ("Series C", "$80M"))
OTHER_FUNDING = (("Seed", "$3M"), ("Series D", "$150M"), ("Bootstrapped", ""), ("Public", ""))
PLACES = (
    "San Francisco, CA",
    "Austin, TX",
    "New York, NY",
    "Boston, MA",
    "Chicago, IL",
    "Denver, CO",
    "Seattle, WA",
)
TITLES = (
    ("Chief Revenue Officer", 8),
    ("CEO", 5),
    ("VP of Sales", 15),
    ("Vice President Marketing", 8),
    ("VP of Revenue Operations", 7),
    ("Director of Sales Operations", 18),
    ("Head of Growth", 12),
    ("Senior Account Executive", 10),
    ("Sales Manager", 9),
    ("Marketing Specialist", 8),
)
# Area codes of the United States; the exchange is always 555.
AREA_CODES = """
    205 206 209 212 213 214 216 217 218 219 224 225 228 229 231 234 239 240 248 251 252 253 254 256 260
    262 267 269 270 276 281 301 302 303 304 305 307 308 309 310 312 313 314 315 316 317 318 319 320 321
    323 325 330 334 336 337 347 351 352 360 361 386 401 402 404 405 406 407 408 409 410 412 413 414 415
    417 419 423 425 432 434 435 440 443 469 478 479 480 484 501 502 503 504 505 507 508 509 510 512 513
    515 516 517 518 520 530 540 541 551 559 561 562 563 567 570 571 573 574 580 585 586 601 602 603 605
    606 607 608 609 610 612 614 615 616 617 618 619 620 623 626 630 631 636 641 646 650 651 660 661 662
    701 702 703 704 706 707 708 712 713 714 715 716 717 718 719 720 724 727 731 732 734 740 754 757 760
    763 765 770 772 773 774 775 781 785 786 801 802 803 804 805 806 808 810 812 813 814 815 816 817 818
    828 830 831 832 843 845 847 850 856 857 858 859 860 862 863 864 865 870 901 903 904 906 907 908 909
    910 912 913 914 915 916 917 918 919 920 925 928 931 936 937 940 941 947 949 951 952 954 956 970 971
    972 973 978 979 980 985 989
""".split()

EXAMPLE = {
    "first_name": "John",
    "last_name": "Doe",
    "company_name": "Acme Inc",
    "email_work": "john.doe@acme.com",
    "email_personal": "johnd@gmail.com",
    "phone": "+14155551234",
    "title": "VP of Revenue Operations",
    "linkedin_headline": "VP of Revenue Operations at Acme Inc",
    "linkedin_summary": "Revenue operations for growing software companies.",
    "linkedin_connections": 500,
    "recent_posts": ["What we learned from a year of pipeline reviews"],
    "mutual_connections": 12,
    "company_domain": "acme.com",
    "company_industry": "SaaS",
    "company_size": 250,
    "company_revenue": "$10M-$50M",
    "company_location": "San Francisco, CA",
    "tech_stack": ["Salesforce", "Outreach", "Gong", "HubSpot"],
    "funding_stage": "Series B",
    "funding_amount": "$35M",
}

LINKEDIN = re.compile(r"https?://(?:[a-z]{2,3}\.)?linkedin\.com/(?:in|pub)/([^/?#\s]+)", re.IGNORECASE)


class Draw:
    """Numbers from a hash of words: independent by name, the same in every process."""

    def __init__(self, *words: object) -> None:
        self.words = "\x00".join(map(str, words))

    def below(self, name: str, top: int) -> int:
        """0 … top-1."""
        digest = hashlib.sha256(f"{self.words}\x00{name}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % top

    def share(self, name: str) -> float:
        """0 ≤ x < 1."""
        return self.below(name, 1_000_000) / 1_000_000

    def one(self, name: str, choices: Sequence[Choice]) -> Choice:
        """One of the choices."""
        return choices[self.below(name, len(choices))]


def slug_of(url: Any) -> str:
    """The profile's lower-case slug; empty when it is no LinkedIn profile URL."""
    match = LINKEDIN.match(url) if isinstance(url, str) else None
    return unquote(match[1]).lower() if match else ""


def canonical(url: Any) -> str:
    """One spelling for one person; empty when it is no LinkedIn profile URL."""
    slug = slug_of(url)
    return f"https://www.linkedin.com/in/{slug}" if slug else ""


def plain(text: str) -> str:
    """Only ASCII letters and digits, as in an address."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def domain_of(company: str) -> str:
    """acme.com for "Acme Inc"."""
    words = [plain(word) for word in company.split()]
    kept = [word for word in words if word and word not in {"inc", "llc", "ltd", "gmbh", "corp", "co"}]
    return "".join(kept or ["company"]) + ".com"


@lru_cache(maxsize=20_000)
def company(domain: str, seed: int) -> dict[str, Any]:
    """Every company column of a domain (`tech_stack` a list, `company_size` a number)."""
    draw = Draw("company", domain, seed)
    quality = draw.share("quality")
    if quality < 0.1:
        size, industry = 200 + draw.below("size", 1800), draw.one("industry", GOOD_INDUSTRIES)
        funding, targets = draw.one("funding", GOOD_FUNDING), 1 + draw.below("targets", 4)
    elif quality < 0.66:
        size, industry = 60 + draw.below("size", 240), draw.one("industry", GOOD_INDUSTRIES)
        funding, targets = draw.one("funding", GOOD_FUNDING + OTHER_FUNDING), draw.below("targets", 3)
    else:
        size, industry = 5 + draw.below("size", 7000), draw.one("industry", OTHER_INDUSTRIES)
        funding, targets = draw.one("funding", OTHER_FUNDING), draw.below("targets", 2)
    first = draw.below("first", len(TARGET_TECH))
    stack = [TARGET_TECH[(first + n) % len(TARGET_TECH)] for n in range(targets)]
    stack += [OTHER_TECH[(first + n * 5) % len(OTHER_TECH)] for n in range(1 + draw.below("others", 7))]
    revenue = "$1M-$10M" if size < 100 else "$10M-$50M" if size < 500 else "$50M-$250M"
    return {
        "company_domain": domain,
        "company_industry": industry,
        "company_size": size,
        "company_revenue": revenue,
        "company_location": draw.one("place", PLACES),
        "funding_stage": funding[0],
        "funding_amount": funding[1],
        "tech_stack": list(dict.fromkeys(stack)),
    }


def names(row: dict[str, Any], slug: str, draw: Draw) -> tuple[str, str]:
    """The row's own name, else the one in the slug, else a made-up one."""
    words = [word.capitalize() for word in slug.split("-") if word.isalpha()]
    made = words[:2] if len(words) >= 2 else [draw.one("first", FIRST_NAMES), draw.one("last", LAST_NAMES)]
    return row.get("first_name") or made[0], row.get("last_name") or made[1]


def title_of(draw: Draw) -> str:
    """A title by its weight."""
    point = draw.below("title", sum(weight for _, weight in TITLES))
    for title, weight in TITLES:
        point -= weight
        if point < 0:
            return title
    raise AssertionError("the weights are above 0")


def phone_of(draw: Draw) -> str:
    """A number in E.164, always with the exchange 555."""
    return f"+1{draw.one('area', AREA_CODES)}555{draw.below('line', 10_000):04}"


def national(phone: str) -> str:
    """+14155551234 as (415) 555-1234."""
    return f"({phone[2:5]}) {phone[5:8]}-{phone[8:]}"


def person(row: dict[str, Any], seed: int) -> dict[str, Any]:
    """All that can be known of the row's person: every enriched column, complete and tidy.

    Names and company of the row are kept where it has them, so that addresses fit the lead.
    """
    url = canonical(row.get("linkedin_url"))
    if url == EXAMPLE_URL:
        return dict(EXAMPLE)
    slug, draw = slug_of(url), Draw("person", url, seed)
    first, last = names(row, slug, draw)
    employer = row.get("company_name") or f"{draw.one('c1', COMPANY_FIRST)} {draw.one('c2', COMPANY_LAST)}"
    domain, title = domain_of(employer), title_of(draw)
    local = f"{plain(first) or 'lead'}.{plain(last) or 'person'}"
    # Namesakes have different slugs; a slug that is more than the name makes a numbered address.
    number = "" if plain(slug) == local.replace(".", "") else str(2 + draw.below("number", 99_998))
    return {
        "first_name": first,
        "last_name": last,
        "company_name": employer,
        "email_work": f"{local}{number}@{domain}",
        "email_personal": f"{local.replace('.', '')}{draw.below('personal', 100_000)}@example.org",
        "phone": phone_of(draw),
        "title": title,
        "linkedin_headline": f"{title} at {employer}",
        "linkedin_summary": f"{first} works at {employer}.",
        "linkedin_connections": 50 + draw.below("connections", 451),
        "recent_posts": [f"Notes on {draw.one('post', ('pipeline', 'forecasting', 'hiring', 'onboarding'))}"],
        "mutual_connections": draw.below("mutual", 40),
        **company(domain, seed),
    }
