"""Clay's error table: what a status means, of an answer and in what is told of a run."""

from enrichment.vendors.errors import Misconfigured, NotFound, Paused, Permanent, Recovery, Retryable
from enrichment.vendors.rules import COMMON, NO_SUCH_CALL, NO_SUCH_TABLE, Rule

RULES = {
    **COMMON,
    403: Rule(Paused, Recovery.PAUSE),  # quota exceeded
    404: Rule(NotFound, Recovery.UNENRICHABLE),
    413: Rule(Permanent, Recovery.SET_ASIDE),
    502: Rule(Retryable, Recovery.DELAY),  # a provider's error, or a gateway's
    504: Rule(Retryable, Recovery.NEXT_PROVIDER),  # a provider's time-out; a gateway's names no provider
}
# of calls that name no record
EXCEPTIONS = {
    # Files lie with somebody else, behind an address that opens for a few minutes: another try has another address.
    **{
        (call, status): Rule(Retryable, Recovery.DELAY)
        for call in ("upload_file", "download_file")
        for status in (301, 302, 303, 307, 308, 400, 401, 403, 404, 410, 412)
    },
    ("list_tables", 404): NO_SUCH_TABLE,
    ("create_table", 404): NO_SUCH_TABLE,
    ("create_rows", 404): NO_SUCH_TABLE,
    ("export_rows", 404): NO_SUCH_TABLE,
    ("create_webhook", 404): NO_SUCH_TABLE,
    ("search_rows", 404): NO_SUCH_CALL,  # D14
    # of a table's webhook: it was deleted, its token is wrong
    ("submit_row", 404): Rule(Misconfigured, Recovery.CHECK_ADDRESS),
    ("submit_row", 401): Rule(Misconfigured, Recovery.REFRESH_KEY),
    ("submit_row", 403): Rule(Misconfigured, Recovery.REFRESH_KEY),
    # of the public API: no such routine; the plan or the key's rights do not suffice
    ("run_routine", 404): NO_SUCH_TABLE,
    ("run_routine", 403): Rule(Misconfigured, Recovery.REFRESH_KEY),
    ("run_results", 403): Rule(Misconfigured, Recovery.REFRESH_KEY),
    ("upload_url", 404): NO_SUCH_TABLE,
    ("upload_url", 403): Rule(Misconfigured, Recovery.REFRESH_KEY),
    ("start_file_run", 404): NO_SUCH_TABLE,
    ("start_file_run", 403): Rule(Misconfigured, Recovery.REFRESH_KEY),
    ("file_run_results", 403): Rule(Misconfigured, Recovery.REFRESH_KEY),
    ("me", 403): Rule(Misconfigured, Recovery.REFRESH_KEY),
}
