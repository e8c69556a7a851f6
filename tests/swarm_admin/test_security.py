"""What a stranger's request leaves in the log."""

import logging

import pytest
from django.test import Client


def test_unknown_host_is_one_line_in_the_log(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    answer = client.get("/accounts/login/", headers={"host": "stranger.example"})
    assert answer.status_code == 400
    told = [record for record in caplog.records if record.name == "django.security.DisallowedHost"]
    assert len(told) == 1
    assert "stranger.example" in told[0].getMessage()
    assert len(logging.Formatter("%(message)s").format(told[0]).splitlines()) == 1
