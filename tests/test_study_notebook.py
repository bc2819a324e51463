"""The notebook runs, and shows what it promises."""

from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parents[1] / "examples" / "study_autodiff.ipynb"


@pytest.fixture(scope="module")
def notebook() -> Any:
    nbformat = pytest.importorskip("nbformat", reason="needs the extra `test`")
    return nbformat.read(NOTEBOOK, as_version=nbformat.NO_CONVERT)


@pytest.fixture(scope="module")
def executed(notebook: Any) -> Any:
    nbclient = pytest.importorskip("nbclient", reason="needs the extra `test`")
    client = nbclient.NotebookClient(notebook.copy(), timeout=60, kernel_name="python3")
    return client.execute()


def test_no_outputs_are_kept_that_may_grow_stale(notebook: Any) -> None:
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in cells)


def shown(executed: Any, code: str) -> list[dict[str, str]]:
    """What the cell that has a piece of code shows, by kinds."""
    (cell,) = (c for c in executed.cells if c.cell_type == "code" and code in c.source)
    return [output.data for output in cell.outputs if "data" in output]


def test_graphs_tensors_and_traces_show_themselves(executed: Any) -> None:
    (graph,) = shown(executed, "study.graph(y)")
    assert {"image/svg+xml", "text/html"} & graph.keys()
    (tensor,) = shown(executed, "b.grad")
    assert "<table" in tensor["text/html"]
    (trace,) = shown(executed, "study.trace(y)")
    assert "multiply" in trace["text/plain"]


def test_it_learns_and_draws(executed: Any) -> None:
    printed = [o.text for c in executed.cells for o in c.get("outputs", ()) if "text" in o]
    last = printed[-1].splitlines()[-1]
    assert last.startswith("epoch 5: ")
    assert float(last.split()[2].rstrip("%")) > 80
    assert "image/png" in shown(executed, "plt.subplots")[-1]
