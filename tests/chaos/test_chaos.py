"""The storm in short: real processes are killed at random under load, and every claim of the audit holds."""

import os
import subprocess
import sys

import pytest

from swarm_admin.sandbox.faults import KINDS, TABLE, Faults
from tests.chaos.findings import Finding, table
from tests.chaos.product import ROOT
from tests.chaos.schedule import TARGETS, blows, faults, pausing

LEADS, SECONDS = 150, 20.0


@pytest.mark.flow
@pytest.mark.timeout(420)
@pytest.mark.parametrize("connector", ["rows-api", "table"])
def test_nothing_is_lost_and_nothing_is_done_twice(tmp_path, connector):
    command = [sys.executable, "-m", "tests.chaos", "--dir", str(tmp_path / "chaos"), "--seed", "4"]
    command += [
        "--clay",
        connector,
        "--leads",
        str(LEADS),
        "--seconds",
        str(SECONDS),
        "--lease",
        "6",
        "--settle",
        "240",
    ]
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    storm = subprocess.run(command, cwd=ROOT, env=kept, check=False, capture_output=True, text=True)
    assert storm.returncode == 0, storm.stdout[-8_000:] + storm.stderr[-4_000:]
    assert "every claim holds" in storm.stdout


def test_the_same_seed_is_the_same_storm():
    assert blows(7, 120.0, postgres=True) == blows(7, 120.0, postgres=True)
    assert blows(7, 120.0, postgres=True) != blows(8, 120.0, postgres=True)


def test_every_target_is_hit_and_in_order():
    found = blows(1, SECONDS, postgres=True)
    assert {blow.target for blow in found} == {*TARGETS, "connections", "backend", "postgres"}
    assert [blow.at for blow in found] == sorted(blow.at for blow in found)
    assert all(0 < blow.at < SECONDS for blow in found)


def test_every_kind_of_fault_is_thrown():
    known = Faults(1)
    for connector in ("rows-api", "table"):
        for document in faults(connector):
            known.add(document)
    thrown = {each.kind for each in known.active} | {kind for _, kind in (*pausing(), *pausing("table"))}
    # A status of any number is for the error tables. A row without our reference cannot be told from another of its
    # person, so what it cost could not be audited.
    assert thrown == (KINDS | TABLE) - {"status", "no_swarm_ref"}


def test_the_table_names_what_is_broken():
    shown = table([Finding("this holds", 3, 0), Finding("this does not", 2_000, 1, "lead 7")])
    assert shown.splitlines()[2].split() == ["this", "holds", "3", "0"]
    assert shown.splitlines()[3].endswith("2,000       1  BROKEN: lead 7")
