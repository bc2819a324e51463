"""Models come back from their file as they were, and no other file is taken for one."""

import hashlib
import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from tinygrad_mnist import Tensor, nn
from tinygrad_mnist.model_files import (
    _LAYERS,
    ModelFileError,
    load_model,
    read_record,
    save_model,
)
from tinygrad_mnist.models import mlp

SIZES = st.lists(st.integers(1, 6), min_size=2, max_size=5)
SEEDS = st.integers(0, 2**32 - 1)


def linear(inputs: Any, outputs: int = 3) -> list[Any]:
    """Describe a linear layer, and the two that follow it in a model of the sizes 4, 3 and 2."""
    arguments = {"in_features": inputs, "out_features": outputs, "bias": True}
    return [["Linear", arguments], *THREE[1:]]


THREE: list[Any] = [
    ["Linear", {"in_features": 4, "out_features": 3, "bias": True}],
    ["ReLU", {}],
    ["Linear", {"in_features": 3, "out_features": 2, "bias": True}],
]


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
    if record is None:
        record = {"version": 2, "layers": THREE, "trained_on": ""}
    path.write_bytes(save(weights, {"tinygrad_mnist": json.dumps(record)}))


@given(SIZES, SEEDS)
def test_a_model_comes_back_bit_by_bit(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], seed: int
) -> None:
    path = tmp_path_factory.mktemp("models") / "model.safetensors"
    model = build(sizes, seed)
    save_model(path, model, trained_on="sample")
    loaded = load_model(path)
    assert repr(loaded) == repr(model)
    assert not loaded.training
    before, after = model.state_dict(), loaded.state_dict()
    assert all(before[name].tobytes() == after[name].tobytes() for name in before)
    record = read_record(path)
    assert (record["version"], record["trained_on"]) == (2, "sample")
    assert [name for name, _ in record["layers"]] == [type(layer).__name__ for layer in model]


LAYERS = st.sampled_from(
    [
        lambda: nn.Linear(6, 6),
        lambda: nn.Linear(6, 6, bias=False),
        lambda: nn.BatchNorm1d(6, eps=1e-3, momentum=0.2),
        lambda: nn.BatchNorm1d(6, momentum=None, affine=False),
        lambda: nn.LayerNorm(6),
        lambda: nn.Dropout(0.25),
        lambda: nn.ReLU(),
        lambda: nn.LeakyReLU(0.2),
        lambda: nn.ELU(0.5),
        lambda: nn.GELU("tanh"),
        lambda: nn.Softplus(2.0, 10.0),
        lambda: nn.Softmax(1),
        lambda: nn.LogSoftmax(-1),
        lambda: nn.Sigmoid(),
        lambda: nn.SiLU(),
        lambda: nn.Tanh(),
    ]
)
PICTURES = st.sampled_from(
    [
        lambda: nn.Conv2d(2, 2, 3, padding=1),
        lambda: nn.Conv2d(2, 2, (1, 3), padding=(0, 2), dilation=2, groups=2, bias=False),
        lambda: nn.Conv2d(2, 2, 3, padding="same"),
        lambda: nn.BatchNorm2d(2),
        lambda: nn.MaxPool2d(2, stride=1, padding=1),
        lambda: nn.MaxPool2d(2, ceil_mode=True),
        lambda: nn.AvgPool2d(2, ceil_mode=True, divisor_override=3),
        lambda: nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False),
        lambda: nn.ReLU(),
    ]
)


@settings(deadline=None)
@given(st.lists(LAYERS, min_size=1, max_size=4), st.lists(PICTURES, max_size=3), SEEDS)
def test_any_layers_come_back_and_compute_the_same(
    tmp_path_factory: pytest.TempPathFactory, layers: Any, pictures: Any, seed: int
) -> None:
    path = tmp_path_factory.mktemp("models") / "model.safetensors"
    front = [nn.Unflatten(1, (2, 5, 5)), *(make() for make in pictures), nn.Flatten()]
    x = np.random.default_rng(seed).random((3, 50), np.float32)
    bridge = nn.Linear(nn.Sequential(*front)(x).shape[1], 6)
    model = nn.Sequential(*front, bridge, *(make() for make in layers))
    model(x)  # running statistics move
    save_model(path, model)
    loaded = load_model(path)
    assert repr(loaded) == repr(model)
    assert (loaded(x).numpy() == model.eval()(x).numpy()).all()


def test_numbers_of_numpy_are_saved_as_pythons(tmp_path: Path) -> None:
    rng, two = np.random.default_rng(0), np.int64(2)
    arguments: dict[str, Any] = {"stride": two, "padding": (two, two), "dilation": (two, 1)}
    models = [
        mlp(np.array([6, 4, 2]), rng),  # type: ignore[arg-type]
        nn.Sequential(nn.Conv2d(1, two, two, **arguments)),  # type: ignore[arg-type]
        nn.Sequential(nn.LayerNorm((two, two), eps=np.float32(0.5))),  # type: ignore[arg-type]
        nn.Sequential(nn.BatchNorm1d(two, affine=np.True_)),  # type: ignore[arg-type]
    ]
    for model in models:
        save_model(tmp_path / "model", model)
        loaded = load_model(tmp_path / "model").state_dict()
        assert all((loaded[name] == array).all() for name, array in model.state_dict().items())


def test_layers_without_arrays_of_their_own_come_back(tmp_path: Path) -> None:
    for layer in (
        nn.BatchNorm1d(784, affine=False, track_running_stats=False),
        nn.LayerNorm((28, 28), elementwise_affine=False),
        nn.Unflatten(1, (1, 28, 28)),
        nn.Softplus(threshold=10**6),
    ):
        save_model(tmp_path / "model", nn.Sequential(layer))
        assert repr(load_model(tmp_path / "model")[0]) == repr(layer)


def test_an_axis_that_was_saved_by_its_other_name_is_read(tmp_path: Path) -> None:
    layers = [*THREE, ["Softmax", {"axis": 0}], ["LogSoftmax", {"dim": 1}]]
    write(tmp_path / "model", {"version": 2, "layers": layers, "trained_on": ""})
    *_, first, second = load_model(tmp_path / "model")
    assert (first.dim, second.dim) == (0, 1)  # type: ignore[attr-defined]
    save_model(tmp_path / "model", nn.Sequential(first, second))
    described = read_record(tmp_path / "model")["layers"]
    assert described == [["Softmax", {"dim": 0}], ["LogSoftmax", {"dim": 1}]]


def crafted(name: str, **arguments: Any) -> list[Any]:
    return [name, arguments]


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (crafted("LayerNorm", normalized_shape=[10**5, 10**5]), r"found the shape \(100000, 1000"),
        (crafted("LayerNorm", normalized_shape=[10**5] * 2, elementwise_affine=False), "at most"),
        (crafted("BatchNorm1d", num_features=10**10), r"found the shape \(10000000000,\)"),
        (crafted("Linear", in_features=10**5, out_features=10**5), "found the shape"),
        (crafted("Conv2d", in_channels=1, out_channels=10**9, kernel_size=1), "found the shape"),
        (crafted("Linear", in_features=4, out_features=3, dtype=None), "no argument dtype"),
        (crafted("BatchNorm1d", num_features=4, dtype=None), "BatchNorm1d has no argument dtype"),
        (crafted("Linear", in_features=4, out_features=3, init=1), "no argument init"),
        (crafted("Flatten", start_dim="x"), "Flatten: start_dim is 'x'"),
        (crafted("Flatten", start_dim=True), "Flatten: start_dim is True"),
        (crafted("ELU", alpha=None), "ELU: alpha is None"),
        (crafted("LeakyReLU", negative_slope=10**400), "LeakyReLU: negative_slope is 1000"),
        (crafted("BatchNorm1d", num_features=4, eps=10**400), "BatchNorm1d: eps is 1000"),
        (crafted("LayerNorm", normalized_shape=[4, 1.5]), "LayerNorm: normalized_shape is"),
        (crafted("MaxPool2d", kernel_size={}), "MaxPool2d: kernel_size is {}"),
        (crafted("Linear"), "missing"),
    ],
)
def test_crafted_layers_are_refused(tmp_path: Path, layer: list[Any], words: str) -> None:
    write(tmp_path / "model", {"version": 2, "layers": [layer], "trained_on": ""})
    with pytest.raises(ModelFileError, match=f"its layers make no sense: .*{words}"):
        load_model(tmp_path / "model")


def test_many_large_layers_are_refused_together(tmp_path: Path) -> None:
    layers = [crafted("LayerNorm", normalized_shape=10**5, elementwise_affine=False)] * 100
    write(tmp_path / "model", {"version": 2, "layers": layers, "trained_on": ""})
    with pytest.raises(ModelFileError, match="expected at most"):
        load_model(tmp_path / "model")


JSON = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers())


@given(st.sampled_from(sorted(_LAYERS)), st.data())
def test_whatever_a_record_says_is_loaded_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    names = st.sampled_from([*inspect.signature(_LAYERS[name]).parameters, "x"])
    arguments = data.draw(st.dictionaries(names, JSON))
    path = tmp_path_factory.mktemp("models") / "model.safetensors"
    write(path, {"version": 2, "layers": [[name, arguments]], "trained_on": ""})
    with pytest.raises(ModelFileError):  # the weights are another model's
        load_model(path)


def test_models_of_the_first_format_are_read(tmp_path: Path) -> None:
    model = build([4, 3, 2])
    record = {"version": 1, "sizes": [4, 3, 2], "trained_on": "full"}
    (tmp_path / "model").write_bytes(
        save(model.state_dict(), {"tinygrad_mnist": json.dumps(record)})
    )
    loaded = load_model(tmp_path / "model")
    assert repr(loaded) == repr(model)
    assert all((loaded.state_dict()[k] == v).all() for k, v in model.state_dict().items())
    assert read_record(tmp_path / "model")["trained_on"] == "full"


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
        "import sys; from tinygrad_mnist.model_files import load_model, save_model;"
        "save_model(sys.argv[2], load_model(sys.argv[1]), trained_on='full')"
    )
    digests = set()
    for number in range(2):
        copy = saved.with_name(f"copy{number}")
        subprocess.run([sys.executable, "-c", program, saved, copy], check=True)  # noqa: S603 (own program)
        digests.add(hashlib.sha256(copy.read_bytes()).hexdigest())
    assert digests == {hashlib.sha256(saved.read_bytes()).hexdigest()}


class Twice(nn.Module):
    """A layer that is not one of the package's."""

    def forward(self, x: Any) -> Any:
        return 2 * x


class Disguised(nn.Sequential):
    """A model that computes something else than its layers."""

    def forward(self, x: Any) -> Any:
        return -super().forward(x)


@pytest.mark.parametrize(
    "model",
    [
        nn.Sequential(nn.Linear(2, 2), Twice()),
        nn.Sequential(nn.Embedding(2, 2)),
        nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU())),
        nn.Sequential(nn.Linear(2, 2, dtype=np.float64)),
        Disguised(nn.Linear(2, 2)),
    ],
    ids=repr,
)
def test_a_model_that_would_not_come_back_is_not_saved(
    tmp_path: Path, model: nn.Sequential
) -> None:
    every = ", ".join(sorted(set(nn.__all__) & set(_LAYERS), key=list(_LAYERS).index))
    with pytest.raises(ValueError, match=rf"expected a Sequential of .* one of {every}, with") as e:
        save_model(tmp_path / "model", model)
    assert "Embedding" not in str(e.value).split(", found ")[0]
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
        ({"version": 3}, "written in version 3 of the format, expected version 2 or 1"),
        ({}, "its metadata is damaged"),
        ([1], "its metadata is damaged"),
        ({"version": 2, "trained_on": ""}, "its metadata is damaged"),
        ({"version": 2, "layers": THREE}, "its metadata is damaged"),
        ({"version": 2, "layers": {"Linear": {}}, "trained_on": ""}, "its metadata is damaged"),
        ({"version": 2, "layers": [["Linear"]], "trained_on": ""}, "its metadata is damaged"),
        ({"version": 2, "layers": ["Linear"], "trained_on": ""}, "its metadata is damaged"),
        ({"version": 2, "layers": [[1, {}]], "trained_on": ""}, "its metadata is damaged"),
        ({"version": 2, "layers": [["exec", {}]], "trained_on": ""}, "layers make no sense"),
        ({"version": 2, "layers": [["ReLU", {"x": 1}]], "trained_on": ""}, "make no sense"),
        ({"version": 2, "layers": linear("4"), "trained_on": ""}, "layers make no sense"),
        ({"version": 2, "layers": linear(-4), "trained_on": ""}, "layers make no sense"),
        ({"version": 2, "layers": linear(10**15), "trained_on": ""}, "layers make no sense"),
        ({"version": 2, "layers": linear(5), "trained_on": ""}, r"0\.weight as F32 of shape"),
        ({"version": 2, "layers": THREE[:1], "trained_on": ""}, "expected the arrays 0.bias"),
        ({"version": 2, "layers": [], "trained_on": ""}, "expected the arrays none, found"),
        ({"version": 1, "trained_on": ""}, "its metadata is damaged"),
        ({"version": 1, "sizes": [4], "trained_on": ""}, "its metadata is damaged"),
        ({"version": 1, "sizes": [4, "3", 2], "trained_on": ""}, "layers make no sense"),
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
