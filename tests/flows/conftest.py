"""What several flows share."""

from typing import Any

import pytest

from enrichment.vendors.connections import reset_clients
from tests.flows.desk import Desk
from tests.flows.table_way import TableWay, call_back
from tests.plugins.pipeline import Pipeline
from tests.plugins.product import Product
from tests.plugins.sandbox import KEYS, Receiver, Sandbox


@pytest.fixture
def desk(product: Product, sandbox: Sandbox, settings: Any, clock_speed: float) -> Desk:
    """The screens know the same vendors and the same clock as the product's own processes."""
    for name in KEYS:
        setattr(settings, name.upper(), product.environment.get(name.upper(), ""))
    settings.CLOCK_SPEED = clock_speed
    return Desk(product, sandbox)


@pytest.fixture
def table(pipeline: Pipeline, webhook_receiver: Receiver, settings: Any) -> TableWay:
    """A Clay table that calls back, without a source as yet; nothing is late by itself."""
    settings.CLAY_CONNECTOR = "table"
    settings.CLAY_OVERDUE_SECONDS = 1_000_000.0
    reset_clients()
    call_back(pipeline.sandbox, webhook_receiver.url)
    return TableWay(pipeline.sandbox, webhook_receiver)
