"""Every column of our own tables is declared personal or not."""

import pytest
from django.apps import apps

import enrichment.personal
import gdpr.personal

DECLARED = {"enrichment": enrichment.personal, "gdpr": gdpr.personal}
MODELS = [model for label in DECLARED for model in apps.get_app_config(label).get_models()]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_field_is_declared_once(model):
    declared = DECLARED[model._meta.app_label]
    personal = declared.PERSONAL.get(model.__name__, set())
    harmless = declared.NOT_PERSONAL.get(model.__name__, set())
    fields = {field.name for field in model._meta.get_fields() if field.concrete}
    assert fields - personal - harmless == set(), "declare these in personal.py"
    assert (personal | harmless) - fields == set(), "these are no fields any more"
    assert personal & harmless == set()
