"""A run of notices, from the press to its end."""

from gdpr.notices import notices
from gdpr.notices import runs as notice_runs


def queue(limit, officer):
    """The run of a press on "Send", at its end."""
    run = notices.send(limit=limit, by=officer)
    notice_runs.run_due()
    run.refresh_from_db()
    assert run.finished_at
    return run
