"""The settings, pointed at real servers of the tests' own.

Each process that runs tests takes a slot: a database and a logical Redis database in the bundled servers, and a
directory for files, so that those of one run, and several runs on one machine, do not meet. The servers start with
the first and stop with the last.
"""

import fcntl
import os
from pathlib import Path

from swarm_admin import embedded
from swarm_admin.embedded.redis_server import DATABASES

ROOT = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("VAR_DIR", ROOT / "var"))
TEST_DIR = VAR / "test"


def _take_slot() -> tuple[int, int]:
    """(the first free number, what holds it); the kernel frees it when this process ends."""
    (TEST_DIR / "slots").mkdir(parents=True, exist_ok=True)
    for number in range(DATABASES):
        handle = os.open(TEST_DIR / "slots" / str(number), os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return number, handle
        except BlockingIOError:
            os.close(handle)
    raise RuntimeError(f"At most {DATABASES} processes run tests at once.")


def _own_place(number: int) -> Path:
    """The slot's `VAR_DIR`: the front-end packages are everybody's, all else in it belongs to its test alone."""
    place = TEST_DIR / "places" / str(number)
    place.mkdir(parents=True, exist_ok=True)
    vendor = place / "vendor"
    if not vendor.is_symlink():
        vendor.symlink_to((VAR / "vendor").resolve())
    # Empty, so that a test's server reads the sources and not what was collected of them at some time.
    (place / "static").mkdir(exist_ok=True)
    return place


def leave_slot() -> None:
    """Another process may have it: this one hands its tests to others (pytest-xdist)."""
    os.close(_HANDLE)


SLOT, _HANDLE = _take_slot()
PLACE = _own_place(SLOT)
os.environ["SWARM_MODE"] = "test"
os.environ["DATABASE_URL"] = embedded.database_url(TEST_DIR, f"slot{SLOT}")  # Django prefixes "test_"
os.environ["REDIS_URL"] = embedded.redis_url(TEST_DIR, SLOT)
embedded.start(TEST_DIR, durable=False)

_given = os.environ.get("VAR_DIR")
os.environ["VAR_DIR"] = str(PLACE)
from swarm_admin.settings import *  # noqa: E402, F403

# What this process starts for tests of its own, such as its workers, begins where it began.
if _given is None:
    del os.environ["VAR_DIR"]
else:
    os.environ["VAR_DIR"] = _given

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # speed; nothing is kept
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
