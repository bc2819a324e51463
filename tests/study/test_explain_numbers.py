"""The numbers that the page tells in a browser: those of pictures, units and the slider."""

import re
from pathlib import Path

import numpy as np
import pytest
from browsing import (
    LAPTOP,
    PHONE,
    STEPS,
    At,
    Open,
    Subject,
    cell_box,
    heat,
    opened,
    place,
    shown_number,
)
from playwright.sync_api import Browser, Page

from tinygrad_mnist.models import lenet5, mlp


@pytest.mark.parametrize("touch", [False, True])
def test_every_picture_tells_its_numbers(two: Open, two_layer: Subject, touch: bool) -> None:
    digit = two_layer.digit
    W1, _, W2, _ = (parameter.numpy().T for parameter in two_layer.model.parameters())
    gradients = {name: array.T for name, array in digit.trace.gradients.items()}
    ink = int(np.argmax(digit.pixels))
    alive = int(np.argmax(digit.outputs[1][0]))
    cases = [
        ("image", "X", 0, divmod(ink, 28), digit.pixels.T, (ink, 0)),
        ("layer-1", "W1", 3, (14, 5), W1, (3, 14 * 28 + 5)),
        ("layer-1", "Z1 lying", 0, (0, 4), digit.outputs[0].T, (4, 0)),
        ("layer-2", "W2", 0, (7, 2), W2, (7, 2)),
        ("layer-2", "Z2", 0, (9, 0), digit.outputs[2].T, (9, 0)),
        ("layer-2", "A1 lying", 0, (0, alive), digit.outputs[1].T, (alive, 0)),
        ("back-layer-2", "dW2", 0, (9, alive), gradients["2.weight"], (9, alive)),
        ("back-layer-1", "dW1", alive, divmod(ink, 28), gradients["0.weight"], (alive, ink)),
    ]
    viewport = PHONE if touch else LAPTOP
    with two(has_touch=touch, viewport=viewport) as page:
        for step, key, n, cell, array, index in cases:
            page.evaluate(f"location.hash = '{step}'")
            canvas = heat(page, key).locator("canvas").nth(n)
            canvas.scroll_into_view_if_needed()
            x, y = cell_box(canvas, *cell)
            (canvas.tap if touch else canvas.hover)(position={"x": x, "y": y})
            tip = page.locator("#tip")
            found = re.match(r"(\w+)\[(\d+), (\d+)\] = ", tip.inner_text())
            assert found is not None
            assert found[1] == key.split()[0]
            told = int(found[2]), int(found[3])
            # A finger on a pixel of an image on a phone may be one pixel off.
            near = (0, 1, 27, 28, 29) if touch else (0,)
            assert all(abs(a - b) in near for a, b in zip(told, index, strict=True))
            assert shown_number(tip.inner_text()) == pytest.approx(array[told], rel=1e-4, abs=1e-9)
            box = tip.bounding_box()
            assert box is not None
            assert 0 <= box["x"] <= box["x"] + box["width"] <= viewport["width"]


def test_a_picture_is_read_with_the_keyboard_and_aloud(at: At, two_layer: Subject) -> None:
    weights = two_layer.model[0].weight.numpy()
    page = at("layer-1")
    reading = page.locator("#reading")
    assert reading.get_attribute("aria-live") == "polite"
    heat(page, "W1").focus()
    for keys, index in (
        (["ArrowDown", "ArrowRight", "ArrowRight"], (0, 30)),
        (["ArrowLeft"] * 2, (0, 28)),
        (["PageDown"], (1, 28)),
        (["ArrowLeft"], (0, 55)),  # from the edge of an image into the one beside it
        (["ArrowUp", "ArrowUp"], (0, 27)),
    ):
        for key in keys:
            page.keyboard.press(key)
        said = reading.inner_text()
        assert said.startswith(f"W1[{index[0]}, {index[1]}] = ")
        assert shown_number(said) == pytest.approx(weights[index[::-1]], rel=1e-4)
        assert place(page) == 2  # the keys did not step
    above = page.locator("#tip").bounding_box()
    page.evaluate("scrollBy(0, 50)")
    page.wait_for_timeout(100)
    below = page.locator("#tip").bounding_box()
    assert above is not None
    assert below is not None
    assert above["y"] - below["y"] == pytest.approx(50, abs=1)  # it stays with its cell
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowRight")
    assert place(page) == 3
    assert not page.locator("#tip").is_visible()


def test_a_unit_shows_what_each_pixel_adds(at: At, two_layer: Subject) -> None:
    model, pixels = two_layer.model, two_layer.digit.pixels[0]
    page = at("layer-1")
    for unit in (0, 7):
        page.locator(f'input[name="unit"][value="{unit}"]').check(force=True)
        products = model[0].weight.numpy()[:, unit] * pixels
        words = {
            "unit": unit,
            "sum": products.sum(),
            "bias": model[0].bias.numpy()[unit],
            "z": two_layer.digit.outputs[0][0, unit],
        }
        for name, value in words.items():
            told = page.locator(f"[data-word={name}]").inner_text().replace("−", "-")
            assert float(told) == pytest.approx(value, rel=1e-3, abs=1e-5)
        ink = int(np.abs(products).argmax())
        canvas = page.locator("[data-part=product] canvas")
        canvas.scroll_into_view_if_needed()
        x, y = cell_box(canvas, *divmod(ink, 28))
        canvas.hover(position={"x": x, "y": y})
        told = page.locator("#tip").inner_text()
        assert shown_number(told) == pytest.approx(products[ink], rel=1e-4)


def check_turn(page: Page, subject: Subject, name: str, index: tuple[int, ...]) -> None:
    """Turn the chosen weight, and hold the numbers against the engine's."""
    slider = page.get_by_role("slider")
    marks = int(slider.get_attribute("max") or 0)
    value = subject.model.state_dict()[name][index]
    gradient = subject.digit.trace.gradients[name][index]
    start = subject.digit.loss.item()
    for mark in (0, marks, -marks, 3, -11):
        slider.fill(str(mark))
        change = mark * 2.0 / marks
        loss = subject.loss(name, index, change)
        expected = {
            "change": change,
            "value": value + change,
            "gradient": gradient,
            "loss": loss,
            "tangent": start + gradient * change,
        }
        for key, number in expected.items():
            told = page.locator(f"#turn-{key}").inner_text().replace("−", "-")
            assert float(told) == pytest.approx(number, rel=2e-4, abs=2e-5), (key, mark)
        told = page.locator("#turn-apart").inner_text().replace("−", "-")
        assert float(told) == pytest.approx(loss - start - gradient * change, rel=1e-2, abs=2e-5)


def test_the_sliders_numbers_are_the_engines(at: At, two_layer: Subject) -> None:
    page = at("turn")
    options = page.locator("#weight option")
    assert options.count() == 6
    kinds = set()
    for i in range(options.count()):
        found = re.match(r"([Wb])([12])\[(\d+), (\d+)\]: (.*)", options.nth(i).inner_text())
        assert found is not None
        kinds.add(found[5].split()[-1])
        page.get_by_label("Weight", exact=True).select_option(str(i))
        name = f"{2 * int(found[2]) - 2}.{'weight' if found[1] == 'W' else 'bias'}"
        index = (int(found[4]), int(found[3]))
        check_turn(page, two_layer, name, index if found[1] == "W" else index[1:])
    assert kinds >= {"layer", "bias", "ink"}


def test_keys_in_the_slider_turn_the_weight_and_do_not_step(at: At) -> None:
    page = at("turn")
    slider = page.get_by_role("slider")
    slider.fill("0")
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    assert slider.input_value() == "-3"
    assert page.locator("#turn-change").inner_text() == "−0.12"
    assert "loss" in (slider.get_attribute("aria-valuetext") or "")
    assert place(page) == STEPS


def test_a_weight_is_picked_in_a_picture(two: Open, two_layer: Subject) -> None:
    with two("turn") as page:
        canvas = heat(page, "dW1").locator("canvas").nth(6)
        canvas.scroll_into_view_if_needed()
        x, y = cell_box(canvas, 9, 13)
        canvas.click(position={"x": x, "y": y})
        chosen = page.locator("#weight option:checked")
        assert chosen.inner_text() == "W1[6, 265]: picked by you"
        check_turn(page, two_layer, "0.weight", (265, 6))
        heat(page, "dW2").focus()
        for key in ("ArrowDown", "ArrowDown", "ArrowRight", "Enter"):
            page.keyboard.press(key)
        assert chosen.inner_text() == "W2[2, 1]: picked by you"
        assert page.locator("#weight option").count() == 7
        check_turn(page, two_layer, "2.weight", (1, 2))


def test_a_loss_that_no_weight_moves_is_a_flat_line(browser: Browser, tmp_path: Path) -> None:
    model = mlp([784, 10, 10], np.random.default_rng(0))
    state = {name: array * np.float32(1e19) for name, array in model.state_dict().items()}
    model.load_state_dict(state)
    with opened(browser, Subject(model, tmp_path).file, "turn") as page:
        path = page.locator("#chart .curve").get_attribute("d") or ""
        heights = {float(found) for found in re.findall(r" (\S+?)(?:L|$)", path)}
        assert len(heights) == 1


def test_the_slider_of_another_network_has_the_engines_losses(
    browser: Browser, lenet: Subject
) -> None:
    with opened(browser, lenet.file, "turn") as page:
        for i, (name, parameter) in enumerate(
            (n, p) for n, p in lenet.model.named_parameters() if p.ndim > 1
        ):
            page.get_by_label("Weight", exact=True).select_option(str(i))
            told = page.locator("#weight option:checked").inner_text()
            assert told.startswith(f"{name}[")
            page.get_by_role("slider").fill("10")  # of 20 marks for a change by 2
            index = tuple(map(int, re.findall(r"\d+", told.partition("]")[0].partition("[")[2])))
            other = lenet5(np.random.default_rng(0))
            state = other.state_dict()
            state[name][index] += 1
            other.load_state_dict(state)
            loss = lenet.digit.loss_of(other).item()
            shown = page.locator("#turn-loss").inner_text().replace("−", "-")
            assert float(shown) == pytest.approx(loss, rel=2e-4)
            assert parameter.shape > index
