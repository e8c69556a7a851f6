"""The settings, pointed at real servers of the tests' own.

Each test run takes a slot: a database and a logical Redis database in the bundled servers, so that several
runs on one machine do not meet. The servers start with the first run and stop with the last.
"""

import fcntl
import os
from pathlib import Path

from swarm_admin import embedded
from swarm_admin.embedded.redis_server import DATABASES

ROOT = Path(__file__).resolve().parent.parent
TEST_DIR = Path(os.environ.get("VAR_DIR", ROOT / "var")) / "test"


def _take_slot() -> int:
    """The first free number; the kernel frees it when this process ends."""
    (TEST_DIR / "slots").mkdir(parents=True, exist_ok=True)
    for number in range(DATABASES):
        handle = os.open(TEST_DIR / "slots" / str(number), os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return number
        except BlockingIOError:
            os.close(handle)
    raise RuntimeError(f"At most {DATABASES} test runs at once.")


SLOT = _take_slot()
os.environ["SWARM_MODE"] = "test"
os.environ["DATABASE_URL"] = embedded.database_url(TEST_DIR, f"slot{SLOT}")  # Django prefixes "test_"
os.environ["REDIS_URL"] = embedded.redis_url(TEST_DIR, SLOT)
embedded.start(TEST_DIR, durable=False)

from swarm_admin.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # speed; nothing is kept
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
# Empty, so that a test's server reads the sources and not what was collected of them at some time.
STATIC_ROOT = TEST_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
