"""What the sandbox can be told, at start or through `POST /_config`."""

from dataclasses import dataclass, field, fields
from typing import Any

EXAMPLE_URL = "https://www.linkedin.com/in/johndoe"  # the integration specification's example lead
# Data credits of a hit; made up, in the proportions of the specification's prices.
CREDITS = {
    "apollo": 1,
    "hunter": 1,
    "clearbit": 2,
    "pdl": 2,
    "snovio": 1,
    "cognism": 5,
    "lusha": 4,
    "zoominfo": 6,
    "crunchbase": 1,
    "builtwith": 1,
    "wappalyzer": 1,
    "hginsights": 2,
}


@dataclass
class Config:
    """Every switch of the sandbox. Durations are vendor seconds: real ones are divided by `speed`."""

    clay_api_key: str = "clay-key"
    clay_workspace_id: str = "workspace"
    clay_table_id: str = ""  # not empty: that table exists from the start
    ghl_api_key: str = "ghl-key"
    ghl_location_id: str = "location"
    instantly_api_key: str = "instantly-key"
    instantly_campaign_id: str = ""  # not empty: that campaign exists, called Outreach
    instantly_campaigns: dict[str, dict[str, Any]] = field(
        default_factory=dict
    )  # id → name, status; with the one above
    ghl_missing_scopes: list[str] = field(default_factory=list)  # "contacts.write": what the token may not do
    instantly_missing_scopes: list[str] = field(default_factory=list)  # "leads:create"
    # "any": a value under a key that the location lacks makes the field. "location": as GoHighLevel does, such a value
    # is dropped silently, and a contact names its fields by their ids alone.
    ghl_custom_fields: str = "any"

    speed: float = 1.0
    seed: int = 1
    limits: bool = True
    limit_unit: str = "calls"  # or "rows", as CLAY_LIMIT_UNIT (D11)
    # Real milliseconds taken off every window: a compressed clock shrinks the windows but not the
    # jitter of the network, so a client that is exactly on the limit would be over it at times.
    jitter_ms: float = 0.0
    rows_per_minute: int = 100  # Clay: row creation, per table
    updates_per_minute: int = 200  # Clay: row updates, per table
    triggers_per_minute: int = 50  # Clay: enrichment triggers, per workspace
    exports_per_hour: int = 10  # Clay: per workspace
    ghl_per_ten_seconds: int = 100  # GoHighLevel: per location
    ghl_per_day: int = 200_000  # GoHighLevel: per location
    instantly_per_second: int = 100  # Instantly: per workspace
    instantly_per_minute: int = 6_000  # Instantly: per workspace
    providers_per_hour: dict[str, int] = field(
        default_factory=lambda: {
            "apollo": 500,
            "clearbit": 300,
            "hunter": 1000,
            "builtwith": 100,
            "crunchbase": 200,
        }
    )

    table_capacity: int = 50_000  # Clay: a table silently keeps no more rows
    table_capacities: dict[str, int] = field(default_factory=dict)  # table → its own capacity
    over_capacity: str = "ids"  # rows beyond it get an id; "fewer": they are left out of the answer
    patch_many: bool = True  # off: 405
    row_delete: bool = True
    row_delete_status: int = 405  # the answer where rows cannot be deleted: 404, 405 or 501
    row_search: str = "on"  # "off404", "off405", "off501"
    delete_lies: bool = False  # a row's DELETE answers 204 and keeps the row
    search_lag_seconds: float = 0.0  # a new row is not found by search before that, a deleted one still is
    ghl_delete: str = "on"  # "off404", "off405", "off501"
    ghl_delete_lies: bool = False  # a contact's DELETE answers 200 and keeps the contact
    ghl_search_lag_seconds: float = 0.0  # as search_lag_seconds, of the look-up of duplicates
    instantly_delete: str = "on"  # "off404", "off405", "off501"
    instantly_delete_lies: bool = False
    instantly_list_lag_seconds: float = 0.0
    clock_skew_seconds: float = 0.0  # real seconds by which Clay's clock is ahead of ours; behind: below 0
    enrich_seconds: tuple[float, float] = (4.0, 45.0)  # shortest and longest run of one row
    always_email: bool = True  # the last e-mail provider asked always hits
    misses: dict[str, list[str]] = field(default_factory=dict)  # URL → waterfalls that find nothing
    clay_scores: dict[str, int] = field(default_factory=dict)  # URL → answer of the formula column
    report_misses: bool = True  # a miss appears in providers_used, with no fields and no cost
    charge_misses: bool = False  # a miss costs as much as a hit
    untidy: bool = True  # some sizes as text, some lists as "a, b"
    webhook_attempts: int = 6
    webhook_backoff_seconds: float = 5.0  # doubled at each attempt

    # Clay as it is sold. These exist from the start; each entry is what the control call of the same name takes.
    clay_sources: dict[str, dict[str, Any]] = field(default_factory=dict)  # slug → PUT /_clay/sources/{slug}
    clay_tables: dict[str, dict[str, Any]] = field(default_factory=dict)  # id → PUT /_clay/tables/{id}
    clay_routines: dict[str, dict[str, Any]] = field(default_factory=dict)  # id → PUT /_clay/routines/{id}
    clay_hooks: dict[str, dict[str, Any]] = field(default_factory=dict)  # id → PUT /_clay/webhooks/{id}
    # A month of a workspace. The plans: Free 500/100, Launch 15,000/3,000, Growth 40,000/6,000; here it is more,
    # so that a demo does not run dry by itself.
    clay_actions: int = 1_000_000
    clay_data_credits: int = 1_000_000
    credits_per_hit: dict[str, int] = field(default_factory=lambda: dict(CREDITS))  # provider → data credits
    credits_per_miss: dict[str, int] = field(default_factory=dict)  # of those that charge misses
    submissions_per_second: int = 10  # Clay: into all sources of a workspace
    submissions_burst: int = 20
    source_life: int = 50_000  # Clay: what a source takes before it silently takes no more
    source_status: int = 200  # of an acknowledgement: any 2xx, with any body
    source_body: str = "OK"
    callback_attempts: int = 3  # of an HTTP API column
    callback_backoff_seconds: float = 5.0  # doubled at each attempt
    routine_header: str = "clay-api-key"  # or "authorization": then a Bearer key
    routine_calls_per_minute: int = 600  # per workspace; Clay publishes no figure
    routine_rate_headers: str = "sometimes"  # X-RateLimit-*: on every second answer; "always", "never"
    routine_kept_seconds: float = 86_400.0  # a finished run can be read about a day
    pointer_attempts: int = 1  # of the signed webhook: nothing is published about a second
    signed_url_seconds: float = 900.0  # how long an upload address or a result address opens

    def change(self, values: dict[str, Any]) -> None:
        """Sets the named switches; `ValueError` names one that is unknown or of another type."""
        known = {each.name: getattr(self, each.name) for each in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"unknown setting: {name}")
            value = _as_type_of(known[name], value)
            if not isinstance(value, type(known[name])):
                # One class for every refusal: it is answered as a 400.
                raise ValueError(f"{name} must be {type(known[name]).__name__}")  # noqa: TRY004
            if name == "speed" and value <= 0:
                raise ValueError("speed must be above 0")
            setattr(self, name, value)


def _as_type_of(present: Any, value: Any) -> Any:
    if isinstance(present, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(present, tuple) and isinstance(value, list) and len(value) == len(present):
        return tuple(float(each) for each in value)
    return value
