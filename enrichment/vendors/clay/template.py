"""The body of the HTTP API column that brings a row back: its words, and the text that a person pastes into Clay.

Every `{{name}}` stands for a column of the table. Only REFERENCE is needed; a line without a column is left out.
"""

import json
from typing import Final

from enrichment.vendors.clay.fields import readers

REFERENCE: Final = "swarm_ref"  # of one run, not to be guessed
PERSON: Final = "linkedin_url"
# The columns that a submission fills, in the order in which they are shown.
INPUTS: Final = (
    REFERENCE,
    PERSON,
    "first_name",
    "last_name",
    "company_name",
    "source_type",
    "source_name",
    "scraped_at",
)
ENRICHED_AT: Final = "enriched_at"
# Of our mirror, all that Clay fills.
COLUMNS: Final = tuple(readers(""))
# Those that an enrichment fills: what came in with the row, and the time, are of no provider.
ENRICHED: Final = tuple(name for name in COLUMNS if name not in (*INPUTS, ENRICHED_AT))
# waterfall → the column that names who answered; several are parted by commas.
PROVIDERS: Final = {
    "email": "email_provider",
    "phone": "phone_provider",
    "company": "company_provider",
    "techstack": "techstack_provider",
}
COST: Final = "cost"  # US dollars of the run; `email_cost` and so on: of one waterfall
ERROR: Final = "error"
STATUSES: Final = "_status"  # column → how its cell stands
ERRORS: Final = "_errors"  # column → the text of its error


def body() -> str:
    """The whole body as indented JSON, each value a token between quotes."""
    names = (REFERENCE, PERSON, *COLUMNS, *PROVIDERS.values(), COST, ERROR)
    document = {
        **{name: _token(name) for name in names},
        STATUSES: {name: _token(f"{name}.status") for name in ENRICHED},
        ERRORS: {name: _token(f"{name}.error") for name in ENRICHED},
    }
    return json.dumps(document, indent=2)


def _token(name: str) -> str:
    return f"{{{{{name}}}}}"
