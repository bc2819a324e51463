"""What the tests of the page in a browser share: the browser, and two pages."""

import os
import shutil
from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest
from browsing import At, Open, Subject, opened, turned_to
from playwright.sync_api import Browser, Page, sync_playwright

from tinygrad_mnist.data import load_mnist
from tinygrad_mnist.models import convnet, lenet5, mlp
from tinygrad_mnist.recipes import Recipe

NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


# While Playwright is open, an event loop runs in this thread, and asyncio.run() is refused: it must
# be closed before other modules' tests.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("the page is to be tested in Chromium, which is not installed here")
        pytest.skip("these tests need a browser: apt-get install chromium")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def two_layer(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    rng = np.random.default_rng(0)
    model = mlp([784, 10, 10], rng)
    Recipe(epochs=1).train(model, load_mnist("sample").train, rng)
    return Subject(model, tmp_path_factory.mktemp("two"))


@pytest.fixture(scope="session")
def lenet(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return Subject(lenet5(np.random.default_rng(0)), tmp_path_factory.mktemp("lenet"))


@pytest.fixture(scope="session")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return Subject(convnet(np.random.default_rng(0)), tmp_path_factory.mktemp("deep"))


@pytest.fixture
def two(browser: Browser, two_layer: Subject) -> Open:
    """A page of its own for a test, opened as that wants it."""
    return partial(opened, browser, two_layer.file)


@pytest.fixture(scope="module")
def shared(browser: Browser, two_layer: Subject) -> Iterator[Page]:
    with opened(browser, two_layer.file) as page:
        yield page


@pytest.fixture
def at(shared: Page) -> At:
    """The page that all tests of a module read, turned to a step."""
    return partial(turned_to, shared)
