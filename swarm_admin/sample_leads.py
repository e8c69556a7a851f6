"""Sample leads for the demo: invented people, as the Hunter Agent would hand them in."""

import datetime
import itertools
import random
from collections.abc import Iterator

SEED = 20260115
FIRST_NAMES = """
    Aisha Alejandro Amara Anja Anton Beatriz Bjorn Carmen Chen Clara Daniel Dmitri Elena Emeka Eva
    Fatima Felix Grace Hana Hugo Ines Ivan Jakub Jana Joao Julia Kai Karim Katarzyna Lars Leila Lena
    Liam Lucia Magda Marco Maria Mateo Mei Milan Nadia Nina Noor Oliver Omar Petra Priya Rafael Rosa
    Sanjay Sara Sofia Stefan Tara Thomas Uma Vera Viktor Wei Yara Yusuf Zoe
""".split()
LAST_NAMES = """
    Abadi Almeida Andersen Bauer Becker Bianchi Brandt Castro Chowdhury Costa Dahl Diaz Dubois Eriksen
    Fischer Fontaine Garcia Gruber Haddad Hansen Horvat Ibrahim Ito Jansen Jensen Kaya Keller Khan Kim
    Kowalska Kumar Laurent Lehmann Lindqvist Lopez Marino Martin Mensah Meyer Moreau Nakamura Navarro
    Nguyen Novak Okafor Olsen Park Patel Pereira Petrov Quist Ramos Rossi Santos Sato Schmid Silva
    Singh Tanaka Urban Vargas Vogel Weber Yilmaz Zhang
""".split()
COMPANY_HEADS = """
    Amber Anchor Aspen Beacon Birch Bright Cedar Cobalt Copper Coral Delta Ember Falcon Granite Harbor
    Indigo Juniper Keystone Lumen Maple Meridian Nimbus North Oak Onyx Orchid Pine Quartz Ridge River
    Sable Silver Summit Terra Tidal Vertex Willow Zephyr
""".split()
COMPANY_TAILS = (
    "Analytics",
    "Cloud",
    "Data",
    "Health",
    "Labs",
    "Logistics",
    "Payments",
    "Security",
    "Software",
    "Works",
)
SOURCES = (
    ("competitor_follower", "Gong.io", "https://www.linkedin.com/company/gong-io/followers/", "follows"),
    ("competitor_follower", "Clari", "https://www.linkedin.com/company/clari/followers/", "follows"),
    ("event_attendee", "RevOps Summit", "https://www.linkedin.com/events/revops-summit/", "attends"),
    ("group_member", "RevOps Leaders", "https://www.linkedin.com/groups/1200001/", "member"),
    ("post_commenter", "Forecasting post", "https://www.linkedin.com/posts/forecasting-1", "commented"),
    ("post_liker", "Pipeline post", "https://www.linkedin.com/posts/pipeline-2", "liked"),
)
COMMENTS = (
    "We moved our forecast out of spreadsheets last year and never looked back.",
    "How do you keep the CRM clean while the team grows?",
    "Good point about handovers between marketing and sales.",
    "Would love to see the numbers behind this.",
)


def sample_leads(count: int, *, now: datetime.datetime) -> Iterator[dict[str, str]]:
    """`count` leads in the shape of `POST /api/leads`, the same ones each time.

    They were scraped in the week before `now`. Some lack a name or a company, as scraped ones do.
    Every profile address is different.
    """
    chance = random.Random(SEED)  # the same people at every start
    people = list(itertools.product(FIRST_NAMES, LAST_NAMES))
    chance.shuffle(people)
    for number, (first_name, last_name) in enumerate(itertools.islice(people, count)):
        source_type, source_name, source_url, action = chance.choice(SOURCES)
        lead = {
            "linkedin_url": f"https://www.linkedin.com/in/{first_name}-{last_name}-{number:04d}".lower(),
            "first_name": first_name,
            "last_name": last_name,
            "company_name": f"{chance.choice(COMPANY_HEADS)} {chance.choice(COMPANY_TAILS)}",
            "source_type": source_type,
            "source_name": source_name,
            "source_url": source_url,
            "engagement_action": action,
            "scraped_at": (now - datetime.timedelta(minutes=chance.randrange(5, 7 * 24 * 60))).isoformat(),
        }
        if source_type == "post_commenter":
            lead["engagement_content"] = chance.choice(COMMENTS)
        if chance.random() < 0.05:
            del lead["company_name"]
        if chance.random() < 0.03:
            del lead["first_name"], lead["last_name"]
        yield lead
