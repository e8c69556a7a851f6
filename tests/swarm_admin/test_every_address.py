"""Every address there is, opened by nobody in particular: a screen that forgot to ask who is there shows up here."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

ARGUMENTS = {"int": 1, "slug": "clay", "str": "word", "path": "word", "uuid": "00000000-0000-0000-0000-000000000000"}
# Open to machines and to whoever signs in; the API and Clay's webhooks ask for their own secrets.
OPEN = {"healthz", "readyz", "clay_webhook", "clay_row", "clay_run"}
OPEN_ROOMS = ("account", "mfa_", "usersessions", "socialaccount", "api-")


def patterns(resolver: URLResolver | None = None) -> Iterator[URLPattern]:
    for each in (resolver or get_resolver()).url_patterns:
        if isinstance(each, URLResolver):
            if each.namespace is None and not str(each.pattern).startswith("account"):
                yield from patterns(each)
        elif each.name:
            yield each


def addresses() -> dict[str, str]:
    """{name: address} of every named address of ours, with something in the place of its arguments."""
    found: dict[str, str] = {}
    for each in patterns():
        values: dict[str, Any] = {
            name: ARGUMENTS[type(converter).__name__.removesuffix("Converter").lower().replace("string", "str")]
            for name, converter in each.pattern.converters.items()
        }
        try:
            found[str(each.name)] = reverse(str(each.name), kwargs=values)
        except NoReverseMatch:
            continue
    return {name: url for name, url in found.items() if name not in OPEN and not name.startswith(OPEN_ROOMS)}


def test_there_are_many():
    assert len(addresses()) > 150


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_who_is_not_signed_in_gets_past_the_login(method: str, client: Client, db: None) -> None:
    seen = {name: getattr(client, method)(url) for name, url in addresses().items()}
    wrong = {
        name: answer.status_code
        for name, answer in seen.items()
        if answer.status_code != 405 and not (answer.status_code == 302 and "/login/" in answer["Location"])
    }
    assert not wrong


@pytest.mark.parametrize("method", ["get", "post"])
def test_somebody_without_a_role_sees_and_does_nothing(method: str, nobody_client: Client) -> None:
    seen = {name: getattr(nobody_client, method)(url).status_code for name, url in addresses().items()}
    assert not {name: status for name, status in seen.items() if status not in (403, 404, 405)}
