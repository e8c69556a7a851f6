"""What several flows share."""

from typing import Any

import pytest

from tests.flows.desk import Desk
from tests.plugins.product import Product
from tests.plugins.sandbox import KEYS, Sandbox


@pytest.fixture
def desk(product: Product, sandbox: Sandbox, settings: Any, clock_speed: float) -> Desk:
    """The screens know the same vendors and the same clock as the product's own processes."""
    for name in KEYS:
        setattr(settings, name.upper(), product.environment.get(name.upper(), ""))
    settings.CLOCK_SPEED = clock_speed
    return Desk(product, sandbox)
