"""Production refuses what is missing, by name; the demo never leaves this machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REQUIRED = (
    "DJANGO_SECRET_KEY",
    "IDENTITY_HASH_KEYS",
    "CLAY_API_KEY",
    "CLAY_WEBHOOK_SECRET",
    "GHL_API_KEY",
    "INSTANTLY_API_KEY",
    "CLAY_WORKSPACE_ID",
    "GHL_LOCATION_ID",
    "BASE_URL",
    "EMAIL_URL",
)
COMPLETE = {name: f"kept-elsewhere-{name.lower()}" for name in REQUIRED} | {
    "BASE_URL": "https://swarm.example",
    "EMAIL_URL": "smtp+tls://user:password@mail.example:587",
    "IDENTITY_HASH_KEYS": "k1:kept-elsewhere-too",
}


def load(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Import the settings in a fresh process that knows nothing but `environment`."""
    base = {"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path), "SWARM_MODE": "production"}
    command = [sys.executable, "manage.py", "version"]
    return subprocess.run(
        command, env=base | environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=250
    )


def test_production_starts_when_everything_is_there(tmp_path: Path) -> None:
    assert load(tmp_path, **COMPLETE).returncode == 0


@pytest.mark.parametrize("name", REQUIRED)
def test_production_names_what_is_missing(tmp_path: Path, name: str) -> None:
    answer = load(tmp_path, **{key: value for key, value in COMPLETE.items() if key != name})
    assert answer.returncode == 1
    assert name in answer.stderr
    assert [other for other in REQUIRED if other in answer.stderr] == [name]
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    "value",
    ["", " ", "\t", "insecure-only-for-demo-and-test", "k1:insecure-x", "your_api_key_here", "changeme"],
)
def test_production_refuses_a_secret_from_an_example(tmp_path: Path, value: str) -> None:
    answer = load(tmp_path, **COMPLETE | {"CLAY_API_KEY": value})
    assert answer.returncode == 1
    assert "CLAY_API_KEY" in answer.stderr
    assert not value.strip() or value not in answer.stderr


@pytest.mark.parametrize("name", ["CLAY_API_BASE_URL", "GHL_API_BASE_URL", "INSTANTLY_API_BASE_URL"])
def test_demo_refuses_an_address_outside(tmp_path: Path, name: str) -> None:
    answer = load(tmp_path, SWARM_MODE="demo", **{name: "https://api.vendor.example/v1"})
    assert answer.returncode == 1
    assert f"{name} must be a loopback address" in answer.stderr


def test_unknown_mode_is_one_sentence(tmp_path: Path) -> None:
    answer = load(tmp_path, SWARM_MODE="staging")
    assert answer.returncode == 1
    assert "must be production, demo or test" in answer.stderr


def refusal(tmp_path: Path, **environment: str) -> str:
    """The one line the settings refuse `environment` with."""
    answer = load(tmp_path, **environment)
    assert answer.returncode == 1
    assert len(answer.stderr.splitlines()) == 1, answer.stderr
    return answer.stderr


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("nokey", "pair 1 lacks its id or key"),
        ("k1:", "pair 1 lacks its key"),
        (":a-key-without-its-id", "pair 1 lacks its id or key"),
        (",k1:kept-elsewhere-too", "pair 1 lacks its id or key"),
        ("k1:kept-elsewhere-too,k2:short", "the key of pair 2 has fewer than 16 characters"),
    ],
)
def test_production_refuses_identity_keys_that_hash_under_nothing(tmp_path: Path, value: str, what: str) -> None:
    line = refusal(tmp_path, **COMPLETE | {"IDENTITY_HASH_KEYS": value})
    assert line.startswith("IDENTITY_HASH_KEYS must be")
    assert what in line


@pytest.mark.parametrize("url", ["http://swarm.example", "swarm.example", "https://", "ftp://swarm.example"])
def test_production_refuses_an_address_without_tls(tmp_path: Path, url: str) -> None:
    assert "BASE_URL must start with https://" in refusal(tmp_path, **COMPLETE | {"BASE_URL": url})


def test_production_takes_plain_http_when_told_to(tmp_path: Path) -> None:
    plain = {"BASE_URL": "http://swarm.internal", "ALLOW_HTTP": "True"}
    assert load(tmp_path, **COMPLETE | plain).returncode == 0


@pytest.mark.parametrize("name", ["PORT", "SANDBOX_PORT"])
@pytest.mark.parametrize("value", ["abc", "99999", "0", "-1", "80.5"])
def test_port_that_is_none_is_one_sentence(tmp_path: Path, name: str, value: str) -> None:
    line = refusal(tmp_path, SWARM_MODE="demo", **{name: value})
    assert line.startswith(f"{name} is '{value}'; it must be a whole number from 1 to 65535.")


def test_demo_needs_two_ports(tmp_path: Path) -> None:
    line = refusal(tmp_path, SWARM_MODE="demo", PORT="8123", SANDBOX_PORT="8123")
    assert line.startswith("SANDBOX_PORT and PORT are both 8123")


@pytest.mark.parametrize(("name", "kind"), [("MAX_ATTEMPTS", "a whole number"), ("CLOCK_SPEED", "a number")])
def test_word_in_place_of_a_number_is_one_sentence(tmp_path: Path, name: str, kind: str) -> None:
    line = refusal(tmp_path, SWARM_MODE="demo", **{name: "many"})
    assert line.startswith(f"{name} must be {kind}.")
    assert "many" not in line


def test_no_mail_server_has_to_be_said(tmp_path: Path) -> None:
    assert load(tmp_path, **COMPLETE | {"EMAIL_URL": "none"}).returncode == 0


@pytest.mark.parametrize("value", ["mail.example", "smtp+tls://user:pass-word@mail.example:port", "pigeon://x"])
def test_a_mail_server_that_is_none_is_one_sentence_without_the_password(tmp_path: Path, value: str) -> None:
    line = refusal(tmp_path, **COMPLETE | {"EMAIL_URL": value})
    assert line.startswith("EMAIL_URL must be like smtp+tls://")
    assert "pass-word" not in line


@pytest.mark.parametrize("seconds", ["0", "-1", "151"])
def test_a_mail_may_take_half_a_lease_and_no_longer(tmp_path: Path, seconds: str) -> None:
    line = refusal(tmp_path, **COMPLETE | {"EMAIL_TIMEOUT": seconds, "LEASE_SECONDS": "300"})
    assert line.startswith(f"EMAIL_TIMEOUT is {seconds}; it must be more than 0 and at most half of LEASE_SECONDS")
