"""The README's code runs, and computes what the README says."""

import re
from pathlib import Path

import numpy as np
import pytest

README = Path(__file__).parents[1] / "README.md"


@pytest.mark.usefixtures("table")  # it adds a rule
def test_the_code_of_the_readme_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tinygrad_mnist.data.load_mnist.__defaults__", ("sample",))
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    for block in blocks:
        exec(block, names)  # noqa: S102  # it is our own
    assert len(blocks) == 3
    assert float(capsys.readouterr().out) > 0.5

    tg, x = names["tg"], names["x"]
    expected = tg.grad(lambda a: np.tanh(a @ a.T).sum())(x.numpy())
    np.testing.assert_array_equal(x.grad, expected)
    stated = re.search(r"tg\.grad\(tg\.grad\(np\.sin\)\)\(0\.5\) +# (\S+):", "".join(blocks))
    assert stated is not None
    assert stated[1] == str(tg.grad(tg.grad(np.sin))(0.5))
    assert float(tg.grad(np.cosh)(1.0)) == pytest.approx(np.sinh(1))
