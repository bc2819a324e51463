"""`make results`: what was trained counts once, and what was interrupted goes on."""

import importlib
import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from tinygrad_mnist.recipes import PRESETS

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The program, with a place of its own and two short rows."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    module = importlib.import_module("results")
    monkeypatch.setattr(module, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(module, "REPORT", tmp_path / "results.md")
    monkeypatch.setattr(module, "ROWS", tuple(r._replace(seeds=2) for r in module.ROWS[:3]))
    return module


@pytest.fixture
def trained(results: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What is trained, for which somebody else's figures stand in."""
    calls: list[tuple[str, int]] = []

    def train(preset: str, seed: int) -> int:
        calls.append((preset, seed))
        out = results.RUNS / f"{preset}-{seed}"
        out.mkdir(parents=True, exist_ok=True)
        results._write(out / "training.json", results._training(preset))
        accuracy = {0: 0.94, 1: 0.96}[seed]
        results._write(
            out / "result.json", {"test_accuracy": accuracy, "epochs": 3, "seconds": 60 + 60 * seed}
        )
        return 0

    monkeypatch.setattr(results, "_train", train)
    return calls


def test_every_row_is_a_preset_and_every_preset_a_row() -> None:
    pytest.MonkeyPatch().syspath_prepend(BENCHMARKS)
    rows = importlib.import_module("results").ROWS
    assert [row.preset for row in rows] == list(PRESETS)


def test_the_report_has_mean_deviation_and_every_seed(
    results: ModuleType, trained: list[tuple[str, int]]
) -> None:
    assert results.main(["linear", "two-layer"]) == 0
    # A first seed of every row comes before the second of any.
    assert trained == [("linear", 0), ("two-layer", 0), ("linear", 1), ("two-layer", 1)]
    report = results.REPORT.read_text()
    linear = next(line for line in report.splitlines() if "preset linear" in line)
    assert "| ≤ 8.00 % | **5.00 %** ± 1.41 | 0: 6.00, 1: 4.00 | 3 | 1.5 |" in linear
    assert "`tinygrad-mnist train --preset linear --seed 0 --data full --no-compile`" in linear
    assert "not trained yet" in next(line for line in report.splitlines() if "all digits" in line)


def test_what_falls_short_says_by_how_much(
    results: ModuleType, trained: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "ROWS", (results.ROWS[0]._replace(aim=4.5),))
    assert results.main([]) == 0
    assert "**5.00 %** ± 1.41, short by 0.50" in results.REPORT.read_text()


def test_what_was_trained_is_not_trained_again_unless_the_preset_has_changed(
    results: ModuleType, trained: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        assert results.main(["linear"]) == 0
    assert len(trained) == 2
    monkeypatch.setitem(PRESETS, "linear", replace(PRESETS["linear"], lr=0.07))
    assert results.main(["linear"]) == 0
    assert len(trained) == 4


@pytest.mark.parametrize("content", ["", "{", "[1]", "null"])
def test_a_result_that_is_not_whole_is_none(
    results: ModuleType, trained: list[tuple[str, int]], content: str
) -> None:
    assert results.main(["linear"]) == 0
    (results.RUNS / "linear-0" / "result.json").write_text(content)
    assert results.main(["linear"]) == 0
    assert trained[2:] == [("linear", 0)]


def test_training_goes_on_where_it_was(
    results: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    preset = replace(PRESETS["linear"], epochs=1, warmup=0)
    monkeypatch.setitem(PRESETS, "linear", preset)
    short = ["train", "--hidden", "--data", "sample", "--epochs", "1"]
    monkeypatch.setattr(results, "command", lambda *_: short)
    assert results._train("linear", 0) == 0
    out = results.RUNS / "linear-0"
    first = json.loads((out / "result.json").read_text())
    assert results._train("linear", 0) == 0  # --resume: nothing is left to do
    assert json.loads((out / "result.json").read_text())["seconds"] == first["seconds"]
    monkeypatch.setitem(PRESETS, "linear", replace(preset, lr=0.07))
    assert results._train("linear", 0) == 0  # another training: from the beginning
    assert json.loads((out / "result.json").read_text())["seconds"] != first["seconds"]


def test_an_interruption_is_told(results: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(results, "_train", interrupted)
    assert results.main([]) == 130
