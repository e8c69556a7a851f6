"""A real browser on a real server: `page` is a Chromium tab, `live_server` the product."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import Group
from django.core.signals import request_finished, request_started
from django.test import Client
from playwright.sync_api import Browser, Page, expect, sync_playwright

from swarm_admin.access.models import User
from swarm_admin.access.roles import create_roles
from tests.plugins.sandbox import PATIENCE_SECONDS, wait_for
from tests.plugins.tools import chromium_path

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
AXE_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
# What fades in is measured when it is there: half transparent it has less contrast than anybody ever reads.
AT_REST = """() => Promise.all(
    document.getAnimations().filter((each) => each.effect.getTiming().iterations !== Infinity)
        .map((each) => each.finished.catch(() => null)),
)"""
PHONE = {"width": 390, "height": 844}
PASSWORD = "a-long-pass-phrase"
PATIENCE = PATIENCE_SECONDS * 1_000  # Playwright counts in milliseconds


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever stands here drives a browser; `tests/plugins/tools.py` skips that, or fails, without one.

    A second try is theirs alone: they wait for a whole Chromium on a machine that does other things. The truth of
    the product is shown by the others, which get none.
    """
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the whole run."""
    # Playwright's event loop runs in this thread, where Django would then refuse to query.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def requests_end(live_server: Any) -> Iterator[None]:
    """The tables are emptied only when the server is done: a page may have asked for more as it was closed."""
    under_way: set[int] = set()  # by its thread, of which the server has one for each connection

    def begin(**kwargs: Any) -> None:
        if threading.current_thread() is not threading.main_thread():  # which is the test's own
            under_way.add(threading.get_ident())

    def end(**kwargs: Any) -> None:
        under_way.discard(threading.get_ident())

    request_started.connect(begin)
    request_finished.connect(end)
    yield
    try:
        wait_for(lambda: not under_way)
    finally:
        request_started.disconnect(begin)
        request_finished.disconnect(end)


@pytest.fixture
def page(browser: Browser, live_server: Any, requests_end: None) -> Iterator[Page]:
    """A fresh tab; the test fails where the page logged an error or broke the Content-Security-Policy."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, base_url=live_server.url)
    context.set_default_timeout(PATIENCE)
    tab = context.new_page()
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: said.append(str(error)))
    yield tab
    context.close()
    assert said == []


@pytest.fixture
def sign_in(page: Page, live_server: Any) -> Callable[[str], User]:
    """Signs a new person of a role in, by their session cookie."""

    def as_role(role: str) -> User:
        create_roles()
        email = f"{role.lower().replace(' ', '.')}@example.com"
        user = User.objects.create_user(email, PASSWORD, first_name="Test")
        user.groups.add(Group.objects.get(name=role))
        client = Client()
        client.force_login(user)
        cookie = client.cookies["sessionid"].value
        page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
        return user

    return as_role


@pytest.fixture
def assert_accessible(page: Page) -> Callable[[], None]:
    """Fails with what axe found on the page as it stands, in words."""

    def check() -> None:
        page.evaluate(AT_REST)
        violations = Axe().run(page, options=AXE_RULES).response["violations"]
        found = [f"{each['id']}: {[node['target'] for node in each['nodes']][:3]}" for each in violations]
        assert found == []

    return check


@pytest.fixture
def assert_fits(page: Page) -> Callable[[], None]:
    """Fails where the page is wider than its window."""

    def check() -> None:
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")

    return check
