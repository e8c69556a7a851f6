"""Fixtures of several of these tests: the seeded scorecard and the published formula, run by Node, among them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from enrichment.documents.scorecard import PUBLISHED, Scorecard
from enrichment.pipeline.score.engine import Engine
from tests.plugins.node import Javascript

Published = Callable[[list[dict[str, Any]]], list[tuple[float, str]]]


@pytest.fixture
def wide_limits(settings):
    """Clay with room for a comparison in each test, however often it asks."""
    settings.CLAY_EXPORTS_PER_HOUR = 1000
    settings.CLAY_TABLE_ID = "tbl_test"


@pytest.fixture
def published_javascript(javascript: Javascript) -> Published:
    """Scores and tier names of leads by the published JavaScript."""
    source = Path(__file__).with_name("published.js").read_text()
    return lambda leads: javascript(source, leads)


@pytest.fixture(scope="session")
def card() -> Scorecard:
    return Scorecard.model_validate(PUBLISHED)


@pytest.fixture(scope="session")
def engine(card: Scorecard) -> Engine:
    return Engine(card)


@pytest.fixture
def table_connector(settings):
    """Clay as a table: rows in through its webhook, results back; nothing can be triggered, read or changed."""
    settings.CLAY_CONNECTOR = "table"
