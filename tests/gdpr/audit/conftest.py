"""The chain does not mind what was done: here events have verbs that number them."""

import pytest

from gdpr import audit


@pytest.fixture(autouse=True)
def any_verb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "require_known", str)
