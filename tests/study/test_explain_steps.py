"""Stepping through the page in a browser: by buttons, by keys, by the map, and by itself."""

import pytest
from browsing import PHONE, STEPS, At, Open, place


def test_keys_lead_through_all_steps_and_back(at: At) -> None:
    page = at("image")
    there = [place(page)]
    for _ in range(STEPS):
        page.keyboard.press("ArrowRight")
        there.append(place(page))
    assert there == [*range(1, STEPS + 1), STEPS]
    for number in [*range(STEPS - 1, 0, -1), 1]:
        page.keyboard.press("ArrowLeft")
        assert place(page) == number


def test_buttons_lead_through_all_steps_and_back(at: At) -> None:
    page = at("image")
    for number in [*range(2, STEPS + 1), STEPS]:
        page.get_by_role("button", name="Next").click(force=True)  # at the end, too
        assert place(page) == number
    for number in [*range(STEPS - 1, 0, -1), 1]:
        page.get_by_role("button", name="Back").click(force=True)
        assert place(page) == number


def test_the_map_and_the_address_lead_to_a_step(two: Open) -> None:
    with two("relu") as page:
        assert place(page) == 3
        for number in (8, 1, STEPS, 5):
            page.locator(".map button").nth(number - 1).click()
            assert place(page) == number
        page.evaluate("location.hash = 'loss'")
        page.locator("#step-loss").wait_for()
        assert place(page) == 6


def test_the_next_step_is_read_from_its_beginning(two: Open) -> None:
    with two("layer-1", viewport=PHONE) as page:
        assert page.evaluate("scrollY") == 0
        page.evaluate("scrollTo(0, 900)")
        page.get_by_role("button", name="Next").click()
        assert page.locator("#step-relu").bounding_box()["y"] == pytest.approx(16, abs=17)  # type: ignore[index]


@pytest.mark.parametrize("by", ["button", "key"])
def test_playing_goes_on_by_itself_stops_when_told_and_at_the_end(at: At, by: str) -> None:
    page = at("image")
    button = page.locator("#play")

    def toggle() -> None:
        if by == "button":
            button.click()
        else:
            page.keyboard.press("Space")

    assert button.inner_text() == "▶ Play"
    toggle()
    assert button.get_attribute("aria-pressed") == "true"
    assert button.inner_text().endswith("Pause")
    page.clock.run_for(10_100)
    assert place(page) == 3
    toggle()
    page.clock.run_for(20_000)
    assert place(page) == 3
    toggle()
    page.clock.run_for(60_000)
    assert place(page) == STEPS
    assert button.get_attribute("aria-pressed") == "false"
    toggle()
    assert place(page) == 1  # from the beginning
    page.keyboard.press("ArrowRight")  # who steps has stopped playing
    page.clock.run_for(20_000)
    assert place(page) == 2
