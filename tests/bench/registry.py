"""Benchmarks by name, and the figures they give."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.bench.bench import Bench


@dataclass(frozen=True)
class Aim:
    """A bound; `of_ratio`: of value ÷ reference instead of the value."""

    text: str
    bound: float
    highest: bool
    of_ratio: bool = False

    def met_by(self, figure: "Figure") -> bool:
        number = figure.ratio if self.of_ratio else figure.value
        if number is None:
            return False
        return number <= self.bound if self.highest else number >= self.bound


def at_most(bound: float) -> Aim:
    return Aim(f"≤ {bound:g}", bound, highest=True)


def at_least(bound: float) -> Aim:
    return Aim(f"≥ {bound:g}", bound, highest=False)


def ratio_at_most(bound: float) -> Aim:
    return Aim(f"ratio ≤ {bound:g}", bound, highest=True, of_ratio=True)


def ratio_at_least(bound: float) -> Aim:
    return Aim(f"ratio ≥ {bound:g}", bound, highest=False, of_ratio=True)


@dataclass(frozen=True)
class Figure:
    """One measured number. `reference` is in the same unit, measured in the same run."""

    name: str
    value: float
    unit: str
    reference: float | None = None
    aim: Aim | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        return self.value / self.reference if self.reference else None

    @property
    def met(self) -> bool:
        return self.aim is None or self.aim.met_by(self)


Measure = Callable[["Bench"], Iterator[Figure]]


@dataclass(frozen=True)
class Benchmark:
    name: str
    aim: str
    measure: Measure


_registered: dict[str, Benchmark] = {}


def benchmark(name: str, *, aim: str) -> Callable[[Measure], Measure]:
    """Register a function that measures; `aim` is the sentence of the table in words."""

    def register(measure: Measure) -> Measure:
        _registered[name] = Benchmark(name, aim, measure)
        return measure

    return register


def registered() -> dict[str, Benchmark]:
    """Every benchmark, from the modules of `cases`."""
    from tests.bench import cases

    for module in sorted(each.name for each in pkgutil.iter_modules(cases.__path__)):
        importlib.import_module(f"{cases.__name__}.{module}")
    return dict(_registered)
