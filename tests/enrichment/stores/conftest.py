"""The vendors of these tests: the sandbox, which answers at once."""

from typing import Any

import pytest

from tests.plugins.pipeline import Pipeline


@pytest.fixture
def vendors(pipeline: Pipeline, settings: Any) -> Pipeline:
    """Clay, GoHighLevel and Instantly behind the product's own clients, with room in every limit."""
    settings.CLAY_EXPORTS_PER_HOUR = 1000
    settings.CLAY_UPDATES_PER_MINUTE = settings.GHL_PER_TEN_SECONDS = 10_000
    return pipeline
