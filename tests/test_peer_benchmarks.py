"""`make bench ARGS=peers`: the contenders train the same, and the page says what was measured."""

import importlib
import json
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
DIGITS = 60


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Import a file of the benchmarks."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module


def noise(contender: ModuleType) -> Any:
    """Make digits that nobody can read."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (DIGITS, 784), np.uint8)
    labels = rng.integers(0, 10, DIGITS, np.uint8)
    return contender.Digits(images, labels, images, labels)


@pytest.mark.parametrize("network", ["784-10-10", "LeNet-5"])
def test_by_hand_and_eager_train_the_same(load: Any, network: str) -> None:
    cases, contenders, in_turns = load("cases"), load("contenders"), load("in_turns")
    digits = noise(load("contenders.contender"))
    case = cases.Case(network, 8, rounds=1, steps_a_turn=1)
    names = [contenders.BY_HAND, contenders.PREALLOCATED, contenders.EAGER]
    weights = cases.initial_weights(network)
    training = {
        name: contenders.find(name)(network, weights, digits, case.batch_size)
        for name in names
        if not contenders.why_left_out(name, network)
    }
    assert len(training) == (2 if network == "LeNet-5" else 3)
    in_turns.check_same_training(training, case)
    losses = [one.epoch(cases.shuffled(1, DIGITS)) for one in training.values()]  # 7 steps and 4
    np.testing.assert_allclose(losses, losses[0], rtol=1e-3)
    accuracies = [one.accuracy() for one in training.values()]
    np.testing.assert_allclose(accuracies, accuracies[0], atol=1 / DIGITS)


def test_a_contender_that_trains_otherwise_is_refused(load: Any) -> None:
    cases, contenders, in_turns = load("cases"), load("contenders"), load("in_turns")
    digits = noise(load("contenders.contender"))
    case = cases.Case("784-10-10", 8, rounds=1, steps_a_turn=1)
    weights = cases.initial_weights("784-10-10")
    plain = contenders.find(contenders.BY_HAND)
    one, other = (plain("784-10-10", weights, digits, 8) for _ in range(2))
    other.weights()[0] += 0.01
    with pytest.raises(AssertionError, match="the other one does not have the loss of the others"):
        in_turns.check_same_training({"one": one, "the other one": other}, case)


def test_who_is_left_out_has_a_reason(load: Any) -> None:
    contenders = load("contenders")
    for name, entry in contenders.CONTENDERS.items():
        reason = contenders.why_left_out(name, "LeNet-5")
        assert reason == entry.without_lenet or "not installed" in reason


@pytest.fixture
def measured(load: Any) -> Any:
    """A run, with somebody else's figures."""
    figures, report = load("figures"), load("report")
    some = figures.Figures(
        epoch=[0.2, 0.25, 0.3],
        step=[1e-4, 1.1e-4, 1.2e-4],
        accuracy=0.9312,
        first=[0.5],
        first_cached=[0.01],
        whole_process=[1.25],
        peak_megabytes=[123.4],
        epochs_to_target=2,
    )
    comparison = figures.Comparison(
        "784-10-10, batch 32", 16, {"NumPy by hand": some}, {"MyGrad": "not installed"}
    )
    row = report.median_row("ours ÷ theirs", [1.0, 1.5, 2.0], "×", at_most=1.2)
    return figures.Measured({"processor": "abacus"}, [comparison], [row])


def test_the_page_shows_figures_limits_and_reasons(
    load: Any, measured: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = load("peers_document")
    monkeypatch.setattr(document, "DOCUMENT", tmp_path / "page.md")
    monkeypatch.setattr(document, "PICTURE", tmp_path / "page.svg")
    document.write_document(measured)
    page = (tmp_path / "page.md").read_text()
    assert "| ours ÷ theirs | 1.5 (1.25 – 1.75) | ≤ 1.2 **MISSED** |" in page
    assert (
        "| NumPy by hand | 0.25 (0.225 – 0.275) | 110 (105 – 115) | 93.12 % | 500 | 10 |"
        " 1.25, 2 epochs | 123 |"
    ) in page
    assert "- MyGrad: not installed" in page
    assert "- processor: abacus" in page
    assert b"NumPy by hand" in (tmp_path / "page.svg").read_bytes()


def test_figures_are_read_as_they_were_written(load: Any, measured: Any, tmp_path: Path) -> None:
    path = tmp_path / "new" / "peers.json"
    measured.write(path)
    assert load("figures").Measured.read(path) == measured


def test_who_fails_alone_is_left_out_with_the_reason(
    load: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    peers, processes = load("beside_peers"), load("processes")
    others = ["NumPy by hand", "ours, eager"]

    def run(program: str, *arguments: str, variables: Any = None) -> Any:
        if program.endswith("in_turns.py"):
            found = {"epoch": [1.0, 2.0], "step": [], "accuracy": 0.9}
            return SimpleNamespace(output=json.dumps(dict.fromkeys(arguments[2:], found)))
        if arguments[-1] not in others:
            raise processes.ProcessError(["python", program], 1, "it fell over")
        output = {"seconds": 0.1, "epochs": 1, "accuracy": 0.95, "reached": True}
        return SimpleNamespace(output=json.dumps(output), seconds=2.0, peak_megabytes=100.0)

    monkeypatch.setattr(peers, "run", run)
    case = peers.CASES[0]
    comparison = peers._compare(case, "somewhere")
    assert list(comparison.figures) == others
    assert comparison.left_out["matrix products alone"] == "it fell over"
    assert comparison.figures["ours, eager"].whole_process == [2.0] * case.alone_rounds
