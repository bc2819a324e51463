"""How the page looks in a browser, and for whom: colours, phones, keyboards, screen readers."""

from itertools import chain

import numpy as np
import pytest
from browsing import LAPTOP, PHONE, STEPS, At, Open, Subject, at_each_step, heat, opened
from playwright.sync_api import Browser, Page


@pytest.mark.parametrize("viewport", [LAPTOP, PHONE])
def test_pictures_are_large_enough_to_be_seen_and_pointed_at(
    two: Open, viewport: dict[str, int]
) -> None:
    sizes = """() => [...document.querySelectorAll(".step:not([hidden]) canvas")].map((canvas) => [
        canvas.width, canvas.clientWidth / canvas.width, canvas.clientHeight / canvas.height])"""
    with two(viewport=viewport) as page:
        for cells, width, height in chain.from_iterable(at_each_step(page, sizes)):
            assert width == pytest.approx(height, rel=0.1)
            assert width >= (1.7 if cells == 28 else 14)


def pixel(page: Page, name: str, row: int, column: int) -> list[int]:
    canvas = heat(page, name).locator("canvas").first
    # From a copy: a canvas that is read again and again gets a warning.
    read = """(canvas, [x, y]) => {
        const copy = document.createElement("canvas").getContext("2d");
        copy.drawImage(canvas, -x, -y);
        return [...copy.getImageData(0, 0, 1, 1).data];
    }"""
    found: list[int] = canvas.evaluate(read, [column, row])
    return found


def prefer(page: Page, theme: str) -> None:
    """Change the system's colours; the page hears of it a moment later."""
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    other = "Light" if theme == "dark" else "Dark"
    page.get_by_role("button", name=f"{other} colours").wait_for()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_zero_is_neutral_and_the_signs_are_blue_and_orange(
    at: At, two_layer: Subject, theme: str
) -> None:
    W2 = two_layer.model[2].weight.numpy().T
    places = [np.unravel_index(int(which(W2)), W2.shape) for which in (np.argmin, np.argmax)]
    page = at("layer-2")
    prefer(page, theme)
    (low_red, _, low_blue, _), (high_red, _, high_blue, _) = (
        pixel(page, "W2", int(row), int(column)) for row, column in places
    )
    assert low_blue > low_red + 40
    assert high_red > high_blue + 40
    page.evaluate("location.hash = 'image'")
    neutral = pixel(page, "X", 0, 0)  # no digit reaches the corner
    assert max(neutral[:3]) - min(neutral[:3]) < 14
    assert (neutral[0] > 200) == (theme == "light")
    assert neutral[3] == 255


def test_the_page_follows_the_systems_colours_and_its_own_switch(two: Open) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    with two("image", color_scheme="light") as page:
        light, neutral = page.evaluate(background), pixel(page, "X", 0, 0)
        prefer(page, "dark")
        dark = page.evaluate(background)
        assert dark != light
        assert pixel(page, "X", 0, 0) != neutral
        page.get_by_role("button", name="Light colours").click()
        assert (page.evaluate(background), pixel(page, "X", 0, 0)) == (light, neutral)
        page.get_by_role("button", name="Dark colours").click()
        assert page.evaluate(background) == dark


def test_nothing_moves_for_who_does_not_want_it(at: At) -> None:
    animation = "getComputedStyle(document.querySelector('.step:not([hidden])')).animationName"
    page = at("image")
    for motion, name in (("no-preference", "arrive"), ("reduce", "none")):
        page.emulate_media(reduced_motion=motion)
        assert page.evaluate(animation) == name


@pytest.mark.parametrize("which", ["two_layer", "lenet"])
def test_a_phone_never_scrolls_sideways(
    browser: Browser, which: str, request: pytest.FixtureRequest
) -> None:
    subject: Subject = request.getfixturevalue(which)
    with opened(browser, subject.file, viewport=PHONE, device_scale_factor=2) as page:
        page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        widths = """() => {
            const chip = document.querySelector(".map [aria-current]").getBoundingClientRect();
            return [document.documentElement.scrollWidth, innerWidth, chip.left, chip.right];
        }"""
        for wide, window, left, right in at_each_step(page, widths):
            assert (wide, window) == (360, 360)
            assert right > 0  # the map has moved to it
            assert left < 360


IN_SIGHT = """() => {
    const box = (words) => document.querySelector(words).getBoundingClientRect();
    const [chip, map] = [box(".map [aria-current]"), box(".map")];
    const middle = (chip.top + chip.bottom) / 2;
    return {
        title: box(".step:not([hidden]) h2").bottom,
        controls: box(".controls").top,
        chip: map.top < middle && middle < map.bottom,
        clipped: [...document.querySelectorAll(".map .name")]
            .filter((name) => name.scrollWidth > name.parentElement.clientWidth)
            .map((name) => name.textContent),
        scrolled: scrollY,
    };
}"""


@pytest.mark.parametrize("which", ["two_layer", "deep"])
def test_map_and_step_are_seen_together_without_scrolling(
    browser: Browser, which: str, request: pytest.FixtureRequest
) -> None:
    subject: Subject = request.getfixturevalue(which)
    with opened(browser, subject.file) as page:
        for viewport in (LAPTOP, PHONE):
            page.set_viewport_size(viewport)
            for found in at_each_step(page, IN_SIGHT):
                assert found["title"] + 80 < found["controls"]
                assert found["chip"]
                assert found["clipped"] == []
                assert found["scrolled"] == 0


@pytest.mark.parametrize("which", ["two_layer", "lenet"])
def test_all_that_takes_the_focus_has_a_name(
    browser: Browser, which: str, request: pytest.FixtureRequest
) -> None:
    subject: Subject = request.getfixturevalue(which)
    with opened(browser, subject.file) as page:
        session = page.context.new_cdp_session(page)
        seen = set()
        page.evaluate("document.querySelectorAll('.step').forEach((one) => (one.hidden = false))")
        for node in session.send("Accessibility.getFullAXTree")["nodes"]:
            role = node.get("role", {}).get("value")
            if node["ignored"] or role in ("RootWebArea", "main"):
                continue
            is_focusable = any(
                one["name"] == "focusable" and one["value"]["value"]
                for one in node.get("properties", ())
            )
            if is_focusable or role in ("image", "progressbar", "navigation", "region"):
                seen.add(role)
                assert node["name"]["value"].strip(), node
        assert seen >= {"button", "application", "slider", "combobox", "image", "navigation"}
        for landmark in ("banner", "navigation", "main", "complementary", "contentinfo"):
            assert page.get_by_role(landmark).count() == 1  # type: ignore[arg-type]


def test_the_focus_is_seen_and_goes_through_all_controls(at: At) -> None:
    page = at("turn")
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.role"))
        ring = "getComputedStyle(document.activeElement).outlineStyle"
        if page.evaluate("document.activeElement !== document.body"):
            assert page.evaluate(ring) == "solid"
    assert reached >= {"theme", "weight", "amount", "application", "back", "play", "next"}


def test_formulas_are_mathml(at: At) -> None:
    page = at("back-layer-2")
    formulas = page.locator(".step:visible .rule math")
    assert formulas.count() >= 6
    for formula in formulas.all():
        box = formula.bounding_box()
        assert box is not None
        assert box["height"] > 10


def test_without_script_the_page_still_tells_its_story(
    browser: Browser, two_layer: Subject
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(two_layer.file.as_uri())
    assert page.locator(".step:visible").count() == STEPS
    assert not page.locator("#controls").is_visible()
    assert page.get_by_text("need JavaScript").is_visible()
    context.close()
