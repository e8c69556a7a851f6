"""A process whose interpreter is held ends by itself, and says where it stood."""

import subprocess
import sys

import pytest

WATCHED = """
import ctypes, re, sys, time
from swarm_admin import hang_guard
hang_guard.watch({seconds})
{body}
print("still here", flush=True)
"""
# PyDLL keeps the interpreter while C sleeps, as a search that does not end does.
HELD = "ctypes.PyDLL(None).usleep(900_000); ctypes.PyDLL(None).sleep(50)"
SEARCH = "re.search('(a|aa)+$', 'a' * 60 + 'b')"
AT_WORK = "end = time.monotonic() + 6\nwhile time.monotonic() < end: sum(range(1000))"


def run(body, seconds=0.5):
    return subprocess.run(
        [sys.executable, "-c", WATCHED.format(body=body, seconds=seconds)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


@pytest.mark.parametrize("body", [HELD, SEARCH])
def test_a_held_interpreter_ends_the_process_and_says_where(body):
    told = run(body)
    assert told.returncode == 1
    assert "still here" not in told.stdout
    assert "Timeout" in told.stderr
    assert "most recent call first" in told.stderr


def test_hard_work_that_lets_others_run_goes_on():
    told = run(AT_WORK, seconds=3.0)  # on a machine that has much else to do, too
    assert (told.returncode, told.stdout) == (0, "still here\n")
