"""What is kept between two looks, and what another release left there."""

import pickle
import sys
import types

import pytest
from django.core.cache import cache

from swarm_admin.core.cache import cached, computed_at, invalidate, is_cached

NAME = "tests:figures"


@pytest.fixture(autouse=True)
def nothing_kept():
    invalidate(NAME)
    yield
    invalidate(NAME)


def figures_of(module: str) -> object:
    """An object of a class `Figures` that stands in a module of this name."""
    place = types.ModuleType(module)
    place.Figures = type("Figures", (), {"__module__": module})
    sys.modules[module] = place
    return place.Figures()


def test_what_was_counted_is_told_again_until_it_is_old():
    assert [cached(NAME, lambda: 1), cached(NAME, lambda: 2)] == [1, 1]
    assert is_cached(NAME)
    assert computed_at(NAME) is not None
    invalidate(NAME)
    assert not is_cached(NAME)
    assert computed_at(NAME) is None
    assert cached(NAME, lambda: 2) == 2


@pytest.mark.parametrize("lost", ["module", "class"])
def test_an_object_of_a_class_that_is_no_more_is_counted_anew(lost: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "moved_figures", None)
    cached(NAME, lambda: figures_of("moved_figures"))
    assert type(cached(NAME, lambda: 2)).__name__ == "Figures"
    if lost == "module":
        del sys.modules["moved_figures"]
    else:
        del sys.modules["moved_figures"].Figures
    assert not is_cached(NAME)
    assert cached(NAME, lambda: 2) == 2


def test_what_is_broken_is_told():
    """Only what moved is passed over: bytes of nobody's are a fault."""
    cache._cache.get_client(cache.make_key("tests:broken"), write=True).set(cache.make_key("tests:broken"), b"\x80")
    with pytest.raises(pickle.UnpicklingError):
        cache.get("tests:broken")
    cache.delete("tests:broken")
