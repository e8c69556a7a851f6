"""How the tests are handed to several processes (pytest-xdist), and in what order (`--shuffle SEED`)."""

import random
import shutil
import tempfile

import pytest

from tests import settings
from tests.prepared import prepared_database


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shuffle", metavar="SEED", help="run the tests in a random order, the same for the same SEED")


def is_worker(config: pytest.Config) -> bool:
    """Whether another process hands this one its tests."""
    return hasattr(config, "workerinput")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Temporary files in a directory of this run alone.

    By default all runs of a user share a parent, which each of them closes to all others as it starts. As root that
    shuts out a PostgreSQL, which another account runs for a test of another run.
    """
    if not is_worker(config) and not config.option.basetemp:
        place = tempfile.mkdtemp(prefix="swarm-tests-")
        config.option.basetemp = f"{place}/run"
        config.add_cleanup(lambda: shutil.rmtree(place, ignore_errors=True))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Before any worker starts, and before any test's time counts."""
    if is_worker(session.config) or session.config.option.collectonly:
        return
    prepared_database()
    if session.config.getoption("dist", "no") != "no":
        settings.leave_slot()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if (seed := config.getoption("shuffle")) is not None:
        random.Random(seed).shuffle(items)
