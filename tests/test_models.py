"""Models come back from their file as they were, and no other file is taken for one."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load, save

from tinygrad_mnist import Tensor, nn
from tinygrad_mnist.models import (
    ModelFileError,
    layer_sizes,
    load_model,
    mlp,
    read_record,
    save_model,
)

SIZES = st.lists(st.integers(1, 6), min_size=2, max_size=5)
SEEDS = st.integers(0, 2**32 - 1)


def build(sizes: list[int], seed: int = 0) -> nn.Sequential:
    """Build a model; its biases are not zero."""
    rng = np.random.default_rng(seed)
    model = mlp(sizes, rng)
    model.load_state_dict(
        {name: rng.standard_normal(array.shape) for name, array in model.state_dict().items()}
    )
    return model


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save_model(path, build([4, 3, 2]), trained_on="full")
    return path


def write(path: Path, record: Any = None, **changes: np.ndarray[Any, Any]) -> None:
    """Write a file such as `save_model` does, with some of it changed."""
    arrays = {name.replace("_", "."): array for name, array in changes.items()}
    weights = build([4, 3, 2]).state_dict() | arrays
    record = {"version": 1, "sizes": [4, 3, 2], "trained_on": ""} if record is None else record
    path.write_bytes(save(weights, {"tinygrad_mnist": json.dumps(record)}))


@given(SIZES, SEEDS)
def test_a_model_has_the_sizes_it_was_built_with(sizes: list[int], seed: int) -> None:
    model = mlp(sizes, np.random.default_rng(seed))
    assert layer_sizes(model) == sizes
    assert model(np.zeros((2, sizes[0]), np.float32)).shape == (2, sizes[-1])
    assert [type(layer) for layer in list(model)[1::2]] == [nn.ReLU] * (len(sizes) - 2)


@given(SIZES, SEEDS)
def test_the_same_seed_gives_the_same_weights(sizes: list[int], seed: int) -> None:
    one, other = (mlp(sizes, np.random.default_rng(seed)).state_dict() for _ in range(2))
    assert all((one[name] == other[name]).all() for name in one)


@pytest.mark.parametrize("sizes", [[], [784], [784, 0, 10], [784, -1, 10]])
def test_sizes_that_make_no_model_are_refused(sizes: list[int]) -> None:
    with pytest.raises(ValueError, match="expected two or more layer sizes of at least 1"):
        mlp(sizes, np.random.default_rng(0))


@given(SIZES, SEEDS)
def test_a_model_comes_back_bit_by_bit(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], seed: int
) -> None:
    path = tmp_path_factory.mktemp("models") / "model.safetensors"
    model = build(sizes, seed)
    save_model(path, model, trained_on="sample")
    loaded = load_model(path)
    assert repr(loaded) == repr(model)
    before, after = model.state_dict(), loaded.state_dict()
    assert all(before[name].tobytes() == after[name].tobytes() for name in before)
    assert read_record(path) == {"version": 1, "sizes": sizes, "trained_on": "sample"}


def test_weights_that_lie_column_by_column_are_saved_as_they_are(tmp_path: Path) -> None:
    model = mlp([3, 2], np.random.default_rng(0))
    columns = np.asfortranarray(np.arange(6, dtype=np.float32).reshape(3, 2))
    layer = model[0]
    assert isinstance(layer, nn.Linear)
    layer.weight = Tensor(columns, requires_grad=True, copy=False)
    save_model(tmp_path / "model", model)
    assert (load_model(tmp_path / "model").state_dict()["0.weight"] == columns).all()


def test_the_same_model_gives_the_same_bytes_in_every_process(saved: Path) -> None:
    program = (
        "import sys, numpy as np; from tinygrad_mnist.models import load_model, save_model;"
        "save_model(sys.argv[2], load_model(sys.argv[1]), trained_on='full')"
    )
    digests = set()
    for number in range(2):
        copy = saved.with_name(f"copy{number}")
        subprocess.run([sys.executable, "-c", program, saved, copy], check=True)  # noqa: S603 (own program)
        digests.add(hashlib.sha256(copy.read_bytes()).hexdigest())
    assert digests == {hashlib.sha256(saved.read_bytes()).hexdigest()}


@pytest.mark.parametrize(
    "model",
    [
        nn.Sequential(),
        nn.Sequential(nn.Linear(2, 2), nn.ReLU()),
        nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)),
        nn.Sequential(nn.Linear(2, 2), nn.Softmax(), nn.Linear(2, 2)),
        nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(2, 2)),
        nn.Sequential(nn.Linear(2, 2, bias=False)),
        nn.Sequential(nn.Linear(2, 2, dtype=np.float64)),
        nn.Sequential(nn.ReLU()),
    ],
    ids=repr,
)
def test_a_model_that_would_not_come_back_is_not_saved(
    tmp_path: Path, model: nn.Sequential
) -> None:
    with pytest.raises(ValueError, match="expected linear layers of float32 with a ReLU between"):
        save_model(tmp_path / "model", model)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_not_saved(tmp_path: Path, value: float) -> None:
    model = build([2, 2])
    model.load_state_dict({"0.weight": np.full((2, 2), value), "0.bias": np.zeros(2)})
    with pytest.raises(ValueError, match=r"0\.weight holds values that are not finite"):
        save_model(tmp_path / "model", model)
    assert not list(tmp_path.iterdir())


@given(share=st.floats(0, 1, exclude_max=True))
def test_a_file_that_was_cut_short_is_refused(
    tmp_path_factory: pytest.TempPathFactory, share: float
) -> None:
    path = tmp_path_factory.mktemp("models") / "model.safetensors"
    save_model(path, build([4, 3, 2]))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelFileError, match="not a sound safetensors file"):
        load_model(path)


@given(st.binary(max_size=200))
def test_a_foreign_file_is_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("models") / "model.safetensors"
    path.write_bytes(data)
    with pytest.raises(ModelFileError) as caught:
        load_model(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_directory_are_told_in_the_systems_words(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "missing")
    with pytest.raises(IsADirectoryError):
        load_model(tmp_path)


def test_the_safetensors_of_others_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    path.write_bytes(save({"a": np.zeros(3)}))
    with pytest.raises(ModelFileError, match="but not a model of tinygrad_mnist"):
        load_model(path)
    path.write_bytes(save({"a": np.zeros(3)}, {"format": "pt"}))
    with pytest.raises(ModelFileError, match="but not a model of tinygrad_mnist"):
        load_model(path)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"version": 2}, "written in version 2 of the format, expected version 1"),
        ({}, "its metadata is damaged"),
        ([1], "its metadata is damaged"),
        ({"version": 1, "trained_on": ""}, "its metadata is damaged"),
        ({"version": 1, "sizes": [4, 3, 2]}, "its metadata is damaged"),
        ({"version": 1, "sizes": [4], "trained_on": ""}, "its metadata is damaged"),
        ({"version": 1, "sizes": [4, "3", 2], "trained_on": ""}, "its metadata is damaged"),
        ({"version": 1, "sizes": [4, -3, 2], "trained_on": ""}, "its metadata is damaged"),
        ({"version": 1, "sizes": [4, True, 2], "trained_on": ""}, "its metadata is damaged"),
        (
            {"version": 1, "sizes": [4, 5, 2], "trained_on": ""},
            r"of shape \(5,\), found F32 of shape \(3,\)",
        ),
        ({"version": 1, "sizes": [4, 10**15, 2], "trained_on": ""}, "of shape"),
        ({"version": 1, "sizes": [4, 2], "trained_on": ""}, "expected the arrays 0.bias, 0.weight"),
    ],
)
def test_a_record_that_does_not_fit_is_refused(tmp_path: Path, record: Any, message: str) -> None:
    write(tmp_path / "model", record)
    with pytest.raises(ModelFileError, match=message):
        load_model(tmp_path / "model")


@pytest.mark.parametrize("text", ["{", "[" * 100_000], ids=["cut short", "deep"])
def test_a_record_that_is_no_json_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "model").write_bytes(save({}, {"tinygrad_mnist": text}))
    with pytest.raises(ModelFileError, match="its metadata is damaged"):
        load_model(tmp_path / "model")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.full(2, np.nan, np.float32), "2.bias holds values that are not finite numbers"),
        (np.full(2, -np.inf, np.float32), "2.bias holds values that are not finite numbers"),
        (np.zeros(2), r"expected 2.bias as F32 of shape \(2,\), found F64 of shape \(2,\)"),
        (np.zeros((1, 2), np.float32), r"found F32 of shape \(1, 2\)"),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    tmp_path: Path, array: np.ndarray[Any, Any], message: str
) -> None:
    write(tmp_path / "model", **{"2_bias": array})
    with pytest.raises(ModelFileError, match=message):
        load_model(tmp_path / "model")


def test_types_that_numpy_does_not_know_are_refused(tmp_path: Path, saved: Path) -> None:
    content = saved.read_bytes()
    path = tmp_path / "half"
    path.write_bytes(content.replace(b'"dtype":"F32","shape":[2]', b'"dtype":"F16","shape":[4]'))
    with pytest.raises(ModelFileError, match="found F16"):
        load_model(path)
    path.write_bytes(content.replace(b'"dtype":"F32","shape":[2]', b'"dtype":"BF16","shape":[4]'))
    with pytest.raises(ModelFileError, match=r"found BF16|not a sound"):
        load_model(path)


def test_a_full_disk_leaves_the_old_model(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()

    def full(*paths: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space left on device"):
        save_model(saved, build([4, 3, 2], seed=1))
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_without_safetensors_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(ImportError, match=r"saving a model needs .*tinygrad-mnist\[cli\]"):
        save_model(tmp_path / "model", build([2, 2]))


def test_the_file_is_plain_safetensors(saved: Path) -> None:
    arrays = load(saved.read_bytes())
    assert {name: array.shape for name, array in arrays.items()} == {
        "0.weight": (4, 3),
        "0.bias": (3,),
        "2.weight": (3, 2),
        "2.bias": (2,),
    }
