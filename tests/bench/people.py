"""Invented leads by the million, a column at a time: the same ones for the same numbers."""

import datetime

import polars as pl

from enrichment.documents.first_scorecard import PUBLISHED
from enrichment.documents.scorecard import Scorecard
from enrichment.pipeline.score.engine import Engine
from swarm_admin.sample_leads import COMMENTS, COMPANY_HEADS, COMPANY_TAILS, FIRST_NAMES, LAST_NAMES, SOURCES
from swarm_admin.sandbox.people import AREA_CODES, OTHER_FUNDING, OTHER_TECH, PLACES, TARGET_TECH

SPAN = datetime.timedelta(days=700)  # over which the leads came in
GRAIN = 1_000_000
_SYLLABLES = "al ber cor dan el far gar hol in jor kal lin mar nor os pel ros sel tor ur val wes".split()
_ENDINGS = "ado berg bois colm dottir enko ford hauser ington kowski lund mann nen opoulos quist rova".split()
# The usual names first: the lower a number, the more people have it.
LAST = [
    *LAST_NAMES,
    *(f"{a}{b}{c}".capitalize() for c in _ENDINGS for a in _SYLLABLES for b in _SYLLABLES[:9]),
]
FIRST = [
    *FIRST_NAMES,
    *(f"{a}{b}".capitalize() for a in _SYLLABLES[:12] for b in ("a", "ek", "ia", "o", "y")),
]
COMPANIES = [f"{head} {tail}" for tail in COMPANY_TAILS for head in COMPANY_HEADS]
COMPANIES += [f"{head} {name} {tail}" for name in LAST[:110] for tail in COMPANY_TAILS for head in COMPANY_HEADS]
INDUSTRIES = "SaaS Technology Software B2B Healthcare Logistics Retail Manufacturing Education Energy Media".split()
FUNDING = [("Series A", "$12M"), ("Series B", "$35M"), ("Series C", "$80M"), *OTHER_FUNDING]
TITLES = [
    "VP of Sales", "Director of Sales Operations", "Sales Manager", "Account Executive", "Software Engineer",
    "Head of Growth", "Senior Account Executive", "Marketing Specialist", "VP of Revenue Operations",
    "Chief Revenue Officer", "CEO", "Product Manager", "Data Analyst", "Vice President Marketing",
    "Customer Success Manager", "Revenue Operations Analyst", "Director of Marketing", "Founder",
]  # fmt: skip
SIZES = [3, 12, 28, 60, 85, 110, 140, 180, 220, 260, 410, 750, 1200, 1900, 2600, 4800, 7200, 15000]
STACKS = ["{}", *(
    "{" + ",".join(f'"{name}"' for name in names) + "}"
    for names in ([TARGET_TECH[i % 5], *[TARGET_TECH[(i + k) % 5] for k in range(1, i % 4)], OTHER_TECH[i % 12]]
                  if i % 3 else [OTHER_TECH[i % 12], OTHER_TECH[(i * 5 + 1) % 12]] for i in range(60))
)]  # fmt: skip
# Of a thousand leads. Those that are still to come are few; the rest has been read by Clay.
STATUSES = [
    ("completed", 800),
    ("partial", 90),
    ("unenrichable", 50),
    ("failed", 30),
    ("pending", 20),
    ("in_progress", 10),
]


def people(start: int, count: int, *, now: datetime.datetime, of: int) -> pl.DataFrame:
    """Leads number `start` up to `start + count` of `of`, a column for each field of the lead that is not default."""
    frame = pl.DataFrame({"n": pl.int_range(start, start + count, eager=True)})
    frame = _person(frame)
    frame = _company(frame)
    frame = _collected(frame, now, of)
    frame = _found(frame)
    return _scored(_handled(frame)).drop("n", "known", "i_first", "i_last", "i_company")


def draw(name: str) -> pl.Expr:
    """0 ≤ x < 1 for each lead, independent by name."""
    seed = sum(ord(letter) * 31**place for place, letter in enumerate(name)) % 2**31
    return (pl.col("n").hash(seed) % GRAIN) / GRAIN


def of_list(values: list, at: pl.Expr) -> pl.Expr:
    """The entry of `values` at each index."""
    return at.cast(pl.Int64).replace_strict(list(range(len(values))), values)


def skewed(count: int, name: str, power: float) -> pl.Expr:
    """An index below `count`; a greater power makes the lower ones more common."""
    return (draw(name) ** power * count).floor().cast(pl.Int64)


def evenly(values: list, name: str) -> pl.Expr:
    return of_list(values, skewed(len(values), name, 1.0))


def _person(frame: pl.DataFrame) -> pl.DataFrame:
    frame = frame.with_columns(
        skewed(len(FIRST), "first", 1.5).alias("i_first"), skewed(len(LAST), "last", 2.0).alias("i_last")
    ).with_columns(
        of_list(FIRST, pl.col("i_first")).alias("first_name"),
        of_list(LAST, pl.col("i_last")).alias("last_name"),
    )
    slug = pl.format("{}-{}-{}", pl.col("first_name"), pl.col("last_name"), pl.col("n")).str.to_lowercase()
    return frame.with_columns(pl.concat_str(pl.lit("https://www.linkedin.com/in/"), slug).alias("linkedin_url"))


def _company(frame: pl.DataFrame) -> pl.DataFrame:
    frame = frame.with_columns(skewed(len(COMPANIES), "company", 2.0).alias("i_company"))
    domains = [name.lower().replace(" ", "") + ".com" for name in COMPANIES]
    return frame.with_columns(
        of_list(COMPANIES, pl.col("i_company")).alias("company_name"),
        of_list(domains, pl.col("i_company")).alias("company_domain"),
    )


def _collected(frame: pl.DataFrame, now: datetime.datetime, of: int) -> pl.DataFrame:
    kinds, names, urls, actions = (list(column) for column in zip(*SOURCES, strict=True))
    source = skewed(len(SOURCES), "source", 1.2)
    received = pl.lit(now - SPAN) + pl.duration(
        milliseconds=(pl.col("n") / of * SPAN.total_seconds() * 1000).cast(pl.Int64)
    )
    comment = pl.when(of_list(kinds, source) == "post_commenter").then(evenly(list(COMMENTS), "comment"))
    return frame.with_columns(
        of_list(kinds, source).alias("source_type"),
        of_list(names, source).alias("source_name"),
        of_list(urls, source).alias("source_url"),
        of_list(actions, source).alias("engagement_action"),
        comment.otherwise(pl.lit("")).alias("engagement_content"),
        received.alias("received_at"),
        (received - pl.duration(hours=5)).alias("scraped_at"),
        (received + pl.duration(days=730)).alias("retention_until"),
        received.alias("updated_at"),
    )


def _found(frame: pl.DataFrame) -> pl.DataFrame:
    bounds = [sum(share for _, share in STATUSES[:i]) for i in range(len(STATUSES))]
    thousand = draw("status") * 1000
    status = pl.lit(STATUSES[0][0])
    for bound, (name, _) in zip(bounds[1:], STATUSES[1:], strict=True):
        status = pl.when(thousand >= bound).then(pl.lit(name)).otherwise(status)
    frame = frame.with_columns(status.alias("enrichment_status"))
    known = pl.col("enrichment_status").is_in(["completed", "partial"])
    frame = frame.with_columns(known.alias("known"))
    local = pl.format("{}.{}{}", pl.col("first_name"), pl.col("last_name"), pl.col("n")).str.to_lowercase()
    funding = skewed(len(FUNDING), "funding", 1.0)
    texts = {
        "email_work": pl.format("{}@{}", local, pl.col("company_domain")),
        "email_personal": pl.when(draw("personal") < 0.4)
        .then(pl.format("{}@mail.example", local))
        .otherwise(pl.lit("")),
        "phone": pl.when(draw("phone") < 0.7).then(_phone()).otherwise(pl.lit("")),
        "title": evenly(TITLES, "title"),
        "company_domain": pl.col("company_domain"),
        "company_industry": evenly(INDUSTRIES, "industry"),
        "company_location": evenly(list(PLACES), "place"),
        "funding_stage": of_list([stage for stage, _ in FUNDING], funding),
        "funding_amount": of_list([amount for _, amount in FUNDING], funding),
        "linkedin_headline": pl.format("{} at {}", evenly(TITLES, "title"), pl.col("company_name")),
        "clay_row_id": pl.format("row_{}", pl.col("n")),
    }
    found = [pl.when(known).then(value).otherwise(pl.lit("")).alias(name) for name, value in texts.items()]
    row = pl.when(pl.col("enrichment_status") != "pending").then(texts["clay_row_id"]).alias("clay_row_id")
    return frame.with_columns([*found[:-1], row]).with_columns(
        pl.when(known).then(evenly([float(size) for size in SIZES], "size")).alias("company_size"),
        pl.when(known).then(evenly(STACKS, "stack")).otherwise(pl.lit("{}")).alias("tech_stack"),
        pl.when(known).then(skewed(450, "connections", 1.0) + 50).alias("linkedin_connections"),
    )


def _phone() -> pl.Expr:
    return pl.format("+1{}555{}", evenly(AREA_CODES, "area"), (pl.col("n") % 10_000).cast(pl.String).str.zfill(4))


def _handled(frame: pl.DataFrame) -> pl.DataFrame:
    """What the flow leaves behind: the last row of Clay, references, errors."""
    provider = '{"name":"apollo","fields_enriched":["email_work","title"],"cost":0.03}'
    raw = pl.concat_str(
        [pl.lit('{"id":"'), "clay_row_id", pl.lit('","title":"'), "title", pl.lit('","email_work":"'), "email_work",
         pl.lit('","company_domain":"'), "company_domain", pl.lit(f'","providers_used":[{provider}]}}')]
    )  # fmt: skip
    failed = pl.col("enrichment_status") == "failed"
    kind = pl.when(failed).then(evenly(["delay", "refused", "unreadable", "no_answer"], "error"))
    due = pl.when(pl.col("enrichment_status") == "pending").then(pl.col("received_at"))
    return frame.with_columns(
        pl.when("known").then(raw).otherwise(pl.lit("{}")).alias("raw"),
        pl.when("known").then(pl.format("ghl_{}", pl.col("n"))).otherwise(pl.lit("")).alias("ghl_contact_id"),
        pl.when("known").then(pl.col("received_at") + pl.duration(minutes=9)).alias("enriched_at"),
        kind.otherwise(pl.lit("")).alias("error_kind"),
        pl.when(failed).then(pl.lit("502 apollo failed")).otherwise(pl.lit("")).alias("error_message"),
        pl.when(failed).then(pl.lit("apollo")).otherwise(pl.lit("")).alias("error_provider"),
        pl.when(failed).then(pl.col("received_at") + pl.duration(minutes=9)).alias("error_at"),
        failed.alias("needs_person"),
        due.alias("dispatch_after"),
        pl.when("known").then(pl.lit(0.09)).otherwise(pl.lit(0.0)).alias("enrichment_cost"),
    )


def _scored(frame: pl.DataFrame) -> pl.DataFrame:
    """Points and tier by the published scorecard, of those that have been read; Clay's beside them."""
    engine = Engine(Scorecard.model_validate(PUBLISHED))
    lists = pl.col("tech_stack").str.strip_chars("{}").str.replace_all('"', "").str.split(",")
    scored = engine.score_frame(frame.with_columns(lists.alias("tech_stack")))
    known = pl.col("known")
    clay = pl.when(draw("drift") < 0.02).then(pl.col("total") + 5).otherwise(pl.col("total"))
    columns = scored.select(
        pl.when(known).then("total").alias("icp_score"),
        pl.when(known).then("tier").alias("icp_tier"),
        pl.when(known).then(clay).alias("clay_score"),
        pl.when(known).then(pl.format("Tier {}", pl.col("tier"))).otherwise(pl.lit("")).alias("clay_tier"),
        pl.when(known).then("enriched_at").alias("scored_at"),
    )
    return frame.with_columns(columns.get_columns())
