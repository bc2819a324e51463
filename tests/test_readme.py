"""The README's code runs, and computes what the README says."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from code_blocks import blocks, execute

import tinygrad_mnist as tg

README = Path(__file__).parents[1] / "README.md"


@pytest.mark.usefixtures("table")  # it adds a rule
def test_the_code_of_the_readme_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tinygrad_mnist.data.load_mnist.__defaults__", ("sample",))
    code = [block for block in blocks(README) if block.language == "python"]
    assert len(code) == 7
    names: dict[str, object] = {}
    printed = "".join(execute(README, block, names) for block in code)
    assert "def step(images, labels" in printed
    for shown in ("0: Linear", "softmax_cross_entropy", "by central differences", "dW1 = 1 / m"):
        assert shown in printed
    accuracies = [float(line) for line in re.findall(r"^[01]\.\d+$", printed, re.MULTILINE)]
    assert len(accuracies) == 2
    assert min(accuracies) > 0.5

    t: Any = names["t"]
    np.testing.assert_array_equal(t.grad, tg.grad(lambda a: np.tanh(a @ a.T).sum())(t.numpy()))
    stated = re.search(
        r"tg\.grad\(tg\.grad\(np\.sin\)\)\(0\.5\) +# (\S+)", README.read_text(encoding="utf-8")
    )
    assert stated is not None
    assert stated[1] == str(tg.grad(tg.grad(np.sin))(0.5))
    loss, parameters, x = (names[name] for name in ("loss", "parameters", "x"))
    tg.check_grads(loss, [parameters, x], order=2)
    curvature: Any = names["curvature"]
    assert curvature["weight"]["bias"].shape == (3, 2, 2)
    softplus: Any = names["softplus"]
    tg.check_grads(softplus, [np.array([0.5, -1.0])], order=3)
    assert tg.grad(softplus)(0.0) == 0.5
