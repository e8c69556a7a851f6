"""The scorecard studio's own places: a snapshot of this test's leads alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from enrichment.scoring import snapshot


@pytest.fixture
def scoring_snapshot(settings: Any, tmp_path: Path) -> Iterator[Path]:
    """The directory of the preview's copy; what this process holds of it is let go of before and after."""
    settings.SCORING_SNAPSHOT_DIR = tmp_path / "scoring"
    snapshot.close_files()
    yield tmp_path / "scoring"
    snapshot.remove_files()
