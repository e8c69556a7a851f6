"""What is declared personal is told and forgotten by the mirror's store, and every place is declared."""

import pytest
from django.apps import apps
from django.db import models

from enrichment.personal import PERSONAL, PLACES
from enrichment.stores.mirror_tables import TABLES

MODELS = list(apps.get_app_config("enrichment").get_models())
CONTENTS = {models.JSONField: "json", models.BinaryField: "bytes", models.FileField: "file"}


def test_every_personal_field_is_in_one_table_of_the_store():
    handled = {table.model: set(table.fields) for table in TABLES}
    assert len(handled) == len(TABLES)
    assert handled == {model: fields for model, fields in PERSONAL.items() if fields}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.model)
def test_what_is_not_told_is_declared(table):
    assert table.not_exported <= table.fields


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_row_about_a_lead_goes_with_it_or_is_emptied(model):
    for field in model._meta.get_fields():
        if not field.concrete or getattr(field.related_model, "__name__", "") != "Lead":
            continue
        way = field.remote_field.on_delete
        emptied = {table.model for table in TABLES}
        assert way is models.CASCADE or model.__name__ in emptied or not PERSONAL.get(model.__name__)


def test_every_column_of_free_contents_is_a_declared_place():
    declared = {place.where for place in PLACES if place.kind in CONTENTS.values() and "*" not in place.where}
    columns = {
        f"{model.__name__}.{field.name}"
        for model in MODELS
        for field in model._meta.get_fields()
        if isinstance(field, tuple(CONTENTS))
    }
    assert columns == declared


def test_places_outside_the_tables_are_declared():
    assert {"cache", "session", "queue", "log", "mail", "file"} <= {place.kind for place in PLACES}
    assert all(place.holds and place.leaves for place in PLACES)
