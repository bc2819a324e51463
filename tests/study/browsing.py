"""Opening the page that explains a digit in a browser, and reading what it shows."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Locator, Page

from tinygrad_mnist import nn
from tinygrad_mnist.data import load_mnist, scale
from tinygrad_mnist.study.explain import explain_page
from tinygrad_mnist.study.explain.digit import follow

LAPTOP, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 800}
STEPS = 12
Open = Callable[..., Any]
At = Callable[[str], Page]


class Subject:
    """A page, and what it was made from."""

    def __init__(self, model: nn.Sequential, directory: Path) -> None:
        digits = load_mnist("sample")
        self.model = model
        self.image, self.label = digits.test_images[38], int(digits.test_labels[38])
        self.digit = follow(model, self.image, self.label)
        self.file = directory / "page.html"
        self.file.write_text(explain_page(model, self.image, self.label), encoding="utf-8")

    def loss(self, name: str, index: tuple[int, ...], change: float) -> float:
        """Compute the loss in double precision, with one weight changed."""
        state = {key: array.astype(np.float64) for key, array in self.model.state_dict().items()}
        state[name][index] += change
        x = np.float64(scale(self.image.reshape(1, -1)))
        for i, layer in enumerate(self.model):
            if isinstance(layer, nn.Linear):
                x = x @ state[f"{i}.weight"] + state[f"{i}.bias"]
            else:
                x = np.maximum(x, 0)
        return float(np.log(np.exp(x).sum()) - x[0, self.label])


@contextmanager
def opened(browser: Browser, file: Path, step: str = "", **options: Any) -> Iterator[Page]:
    """Open a page; it may neither complain nor ask for anything but itself.

    Nothing moves, if not asked for, so that what is measured is where it will be.
    """
    context = browser.new_context(**{"viewport": LAPTOP, "reduced_motion": "reduce", **options})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(f"request of {request.url}"))
    page.clock.install()
    page.goto(file.as_uri() + (step and f"#{step}"))
    try:
        yield page
    finally:
        context.close()
    assert complaints == [f"request of {file.as_uri()}"]


def turned_to(page: Page, step: str) -> Page:
    """Turn an open page to the beginning of a step, with the focus nowhere."""
    turn = """(step) => {
        document.activeElement.blur();
        scrollTo(0, 0);
        location.hash = step;
    }"""
    page.evaluate(turn, step)
    page.locator(f"#step-{step}").wait_for()
    return page


def at_each_step(page: Page, measure: str) -> list[Any]:
    """Go through all steps by the map, and call a function of JavaScript at each."""
    found: list[Any] = page.evaluate(
        f"""() => [...document.querySelectorAll(".map button")].map((chip) => {{
            chip.click();
            return ({measure})();
        }})"""
    )
    return found


PLACE = """() => {
    const text = (element) => element.textContent.trim();
    return {
        shown: [...document.querySelectorAll(".step")].filter((step) => step.offsetParent).map(
            (step) => [step.id, text(step.querySelector("h2"))]),
        words: text(document.getElementById("place")),
        current: [...document.querySelectorAll('.map [aria-current="step"]')].map(text),
        address: location.hash,
        ends: ["back", "next"].map((id) => document.getElementById(id).ariaDisabled),
    };
}"""


def place(page: Page) -> int:
    """Read which step is shown, and check that all else agrees."""
    found = page.evaluate(PLACE)
    ((key, title),) = found["shown"]
    words = re.fullmatch(r"Step (\d+) of (\d+): (.*)", found["words"])
    assert words is not None
    number, last = int(words[1]), int(words[2])
    assert words[3] == title
    (current,) = found["current"]
    assert current.startswith(f"Step {number}:")
    assert found["address"] == key.replace("step-", "#")
    assert found["ends"] == [str(number == end).lower() for end in (1, last)]
    return number


def heat(page: Page, name: str) -> Locator:
    return page.locator(f'.step:visible .heat[data-picture="{name}"]')


def cell_box(canvas: Locator, row: int, column: int) -> tuple[float, float]:
    """Find the middle of a cell, within its canvas."""
    box = canvas.bounding_box()
    assert box is not None
    height, width = (int(canvas.get_attribute(side) or 0) for side in ("height", "width"))
    return (column + 0.5) * box["width"] / width, (row + 0.5) * box["height"] / height


def shown_number(words: str) -> float:
    found = re.search(r"= (\S+)", words)
    assert found is not None
    return float(found[1].replace("−", "-"))
