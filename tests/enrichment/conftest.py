"""Fixtures of several of these tests."""

import pytest


@pytest.fixture
def wide_limits(settings):
    """Clay with room for a comparison in each test, however often it asks."""
    settings.CLAY_EXPORTS_PER_HOUR = 1000
    settings.CLAY_TABLE_ID = "tbl_test"
