"""The command does what it says, and tells in one line what is wrong."""

import gzip
import io
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.numpy import save

from tinygrad_mnist import cli
from tinygrad_mnist.data import MNIST, load_mnist, write_idx
from tinygrad_mnist.data.files import MNIST_FILES
from tinygrad_mnist.models import load_model, mlp, read_record, save_model
from tinygrad_mnist.training import DivergedError, evaluate, fit

QUICK = ("--data", "sample", "--epochs", "2", "--no-plots")
PLAIN_FILES = {"model.safetensors", "settings.json", "history.json"}
PICTURES = {
    "learning_curves.png",
    "confusion_matrix.png",
    "hidden_weights.png",
    "confident_mistakes.png",
}


@dataclass(frozen=True)
class Result:
    """What a command printed and how it ended."""

    status: int | str | None
    out: str
    err: str


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def run(*arguments: object, err: io.StringIO | None = None) -> Result:
    """Run the command in this process."""
    out, err = io.StringIO(), err or io.StringIO()
    status: int | str | None
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = cli.main([str(argument) for argument in arguments])
        except SystemExit as end:
            status = end.code
    return Result(status, out.getvalue(), err.getvalue())


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "tinygrad_mnist", *map(str, arguments)]


def assert_one_line(result: Result, status: int, *words: str) -> None:
    assert result.status == status
    assert result.err.startswith("tinygrad-mnist: error: ")
    assert result.err.count("\n") == 1
    assert result.err.endswith("\n")
    for word in words:
        assert word in result.err


@pytest.fixture(scope="module")
def sample() -> MNIST:
    return load_mnist("sample")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a model trained on the sample, and its pictures."""
    out = tmp_path_factory.mktemp("runs") / "first"
    assert run("train", "--data", "sample", "--epochs", 3, "--out", out).status == 0
    return out


@pytest.fixture
def four_files(tmp_path: Path, sample: MNIST) -> Path:
    """A directory with a few digits of the sample in MNIST's four files."""
    directory = tmp_path / "digits"
    directory.mkdir()
    arrays = (
        sample.train_images[:50],
        sample.train_labels[:50],
        sample.test_images[:20],
        sample.test_labels[:20],
    )
    for (name, _, _), array in zip(MNIST_FILES, arrays, strict=True):
        write_idx(directory / name, array)
    return directory


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty cache, and a network where every request is refused at once."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{free.getsockname()[1]}"
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, nowhere)
    for variable in ("no_proxy", "NO_PROXY", "TINYGRAD_MNIST_DATA"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


# --- train --------------------------------------------------------------------------------


def test_train_leaves_a_model_its_settings_its_history_and_four_pictures(trained: Path) -> None:
    assert {file.name for file in trained.iterdir()} == PLAIN_FILES | PICTURES
    for name in PICTURES:
        with Image.open(trained / name) as picture:
            assert min(picture.size) > 100
    history = json.loads((trained / "history.json").read_text())
    assert [epoch["epoch"] for epoch in history] == [1, 2, 3]
    assert set(history[0]) == {
        "epoch",
        "train_loss",
        "train_accuracy",
        "test_loss",
        "test_accuracy",
        "seconds",
    }
    assert read_record(trained / "model.safetensors")["sizes"] == [784, 10, 10]
    assert read_record(trained / "model.safetensors")["trained_on"] == "sample"


def test_train_prints_what_it_does(tmp_path: Path, sample: MNIST) -> None:
    result = run("train", *QUICK, "--out", tmp_path / "run", "--json")
    assert (result.status, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0] == sample.source
    assert lines[1] == "Sequential("
    assert sum(line.startswith("epoch ") for line in lines) == 2
    printed = json.loads(lines[-1])
    assert lines[-2] == f"In {tmp_path / 'run'}: model.safetensors, settings.json, history.json."
    evaluation = evaluate(
        load_model(tmp_path / "run" / "model.safetensors"), sample.test_images, sample.test_labels
    )
    history = json.loads((tmp_path / "run" / "history.json").read_text())
    assert printed["test_accuracy"] == evaluation.accuracy == history[-1]["test_accuracy"]
    assert printed["train_loss"] == history[-1]["train_loss"]
    assert (printed["epochs"], printed["data"]) == (2, "sample")
    assert printed["seconds"] == pytest.approx(sum(epoch["seconds"] for epoch in history))
    assert f"test accuracy  {100 * evaluation.accuracy:.2f} %" in lines
    table = {line.split()[0]: line.split()[1:] for line in lines if line.endswith(" %")}
    for digit, accuracy in enumerate(evaluation.digit_accuracy):
        right, count = evaluation.confusion[digit, digit], evaluation.confusion[digit].sum()
        assert table[str(digit)] == [str(right), str(count), f"{100 * accuracy:.2f}", "%"]


def test_the_defaults_recognise_mnist(tmp_path: Path) -> None:
    if not (directory := os.environ.get("TINYGRAD_MNIST_DATA")):
        pytest.skip("needs all of MNIST: set TINYGRAD_MNIST_DATA to its directory")
    result = run("train", "--data", directory, "--no-plots", "--json", "--out", tmp_path)
    assert json.loads(result.out.splitlines()[-1])["test_accuracy"] >= 0.92


def test_settings_are_those_asked_for(tmp_path: Path) -> None:
    options = ("--hidden", 12, 11, "--batch-size", 50, "--lr", 0.2, "--momentum", 0.5, "--seed", 3)
    assert run("train", *QUICK, *options, "--out", tmp_path).status == 0
    record = json.loads((tmp_path / "settings.json").read_text())
    del record["source"]
    assert record == {
        "hidden": [12, 11],
        "epochs": 2,
        "batch_size": 50,
        "lr": 0.2,
        "momentum": 0.5,
        "seed": 3,
        "data": "sample",
    }
    assert read_record(tmp_path / "model.safetensors")["sizes"] == [784, 12, 11, 10]


def test_the_same_seed_gives_the_same_bits(tmp_path: Path) -> None:
    contents = []
    for seed, out in ((7, "a"), (7, "b"), (8, "c")):
        assert run("train", *QUICK, "--seed", seed, "--out", tmp_path / out).status == 0
        contents.append((tmp_path / out / "model.safetensors").read_bytes())
    assert contents[0] == contents[1] != contents[2]


def test_a_batch_size_of_0_is_plain_gradient_descent(tmp_path: Path) -> None:
    result = run("train", *QUICK, "--batch-size", 0, "--momentum", 0, "--out", tmp_path)
    assert result.status == 0


def test_results_go_to_runs_latest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("train", *QUICK).status == 0
    assert {file.name for file in (tmp_path / "runs" / "latest").iterdir()} == PLAIN_FILES


def test_a_run_takes_an_earlier_ones_pictures_away(tmp_path: Path) -> None:
    (tmp_path / "learning_curves.png").touch()
    (tmp_path / "notes.txt").touch()
    assert run("train", *QUICK, "--out", tmp_path).status == 0
    assert {file.name for file in tmp_path.iterdir()} == PLAIN_FILES | {"notes.txt"}


def test_a_terminal_is_shown_a_progress_bar(tmp_path: Path) -> None:
    result = run("train", *QUICK, "--out", tmp_path, err=Terminal())
    assert result.status == 0
    assert "epoch 2/2" in result.err
    assert "loss " in result.err
    assert sum(line.startswith("epoch ") for line in result.out.splitlines()) == 2


NONSENSE = st.one_of(
    st.tuples(st.just("--epochs"), st.integers(max_value=0)),
    st.tuples(st.just("--batch-size"), st.integers(max_value=-1)),
    st.tuples(st.just("--lr"), st.floats(max_value=0) | st.sampled_from(["nan", "inf", "fast"])),
    st.tuples(st.just("--momentum"), st.floats(min_value=1) | st.floats(max_value=-1e-300)),
    st.tuples(st.just("--seed"), st.integers(max_value=-1)),
    st.tuples(st.just("--hidden"), st.integers(max_value=0)),
    st.tuples(st.sampled_from(["--epochs", "--batch-size", "--seed", "--hidden"]), st.just("1.5")),
)


@settings(max_examples=50, deadline=None)
@given(NONSENSE)
def test_nonsense_is_one_line_and_nothing_is_trained(option: tuple[str, Any]) -> None:
    name, value = option
    result = run("train", "--data", "nowhere", "--out", "/dev/null/out", f"{name}={value}")
    assert_one_line(result, 2, name.strip("-").replace("-", " ").split()[0], str(value))
    assert result.out == ""


@pytest.mark.parametrize(
    "arguments", [[], ["learn"], ["train", "--epoch-count", "3"], ["evaluate"], ["predict", "m"]]
)
def test_a_command_line_that_makes_no_sense_is_one_line(arguments: list[str]) -> None:
    assert_one_line(run(*arguments), 2, "--help)")


@pytest.mark.parametrize("arguments", [[], ["train"], ["evaluate"], ["predict"]])
def test_help_is_printed(arguments: list[str]) -> None:
    result = run(*arguments, "--help")
    assert (result.status, result.err) == (0, "")
    assert "usage: tinygrad-mnist" in result.out


def test_the_version_is_that_of_the_distribution() -> None:
    result = run("--version")
    assert (result.status, result.err) == (0, "")
    assert result.out == f"tinygrad-mnist {version('tinygrad-mnist')}\n"


def test_without_a_distribution_the_version_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", unknown)
    assert_one_line(run("--version"), 1, "the version is not known")


def test_divergence_keeps_the_last_good_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverging(*arguments: Any, **_: Any) -> None:
        raise DivergedError(2, 1, fit(*arguments))

    monkeypatch.setattr(cli, "fit", diverging)
    result = run("train", *QUICK, "--out", tmp_path)
    assert_one_line(result, 1, "epoch 2, step 1", "a smaller learning rate may help")
    assert f"The last good model is in {tmp_path}." in result.out
    assert {file.name for file in tmp_path.iterdir()} == PLAIN_FILES
    initial = mlp([784, 10, 10], np.random.default_rng(0)).state_dict()
    saved = load_model(tmp_path / "model.safetensors").state_dict()
    assert (saved["0.weight"] != initial["0.weight"]).any()
    assert len(json.loads((tmp_path / "history.json").read_text())) == 2


def test_divergence_without_a_good_epoch_saves_nothing(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "model.safetensors").write_bytes(b"old")
    for out in (tmp_path / "old", tmp_path / "new" / "below"):
        result = run("train", *QUICK, "--lr", "1e30", "--out", out)
        assert_one_line(result, 1, "epoch 1, step ", "the initial ones")
        assert result.out.endswith("Nothing was saved, because no epoch had ended.\n")
    assert [path.name for path in tmp_path.rglob("*")] == ["old", "model.safetensors"]
    assert (tmp_path / "old" / "model.safetensors").read_bytes() == b"old"


@pytest.mark.parametrize(
    "options",
    [("--hidden", 10**13), ("--hidden", 10**30), ("--epochs", 10**400)],
    ids=["no memory", "no array", "no float"],
)
def test_absurd_sizes_are_one_line(tmp_path: Path, options: tuple[str, int]) -> None:
    assert_one_line(run("train", *QUICK, *options, "--out", tmp_path), 1)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("options", [("--lr", 1e300), ("--batch-size", 10**30)])
def test_large_numbers_that_make_sense_are_taken(
    tmp_path: Path, options: tuple[str, float]
) -> None:
    result = run("train", *QUICK, *options, "--out", tmp_path)
    if "--lr" in options:
        assert_one_line(result, 1, "a smaller learning rate may help")
    else:
        assert result.status == 0


def test_ctrl_c_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "fit", interrupted)
    result = run("train", *QUICK, "--out", tmp_path)
    assert (result.status, result.err) == (130, "tinygrad-mnist: interrupted\n")
    assert not list(tmp_path.iterdir())


def test_a_name_of_two_lines_is_told_in_one() -> None:
    assert_one_line(run("evaluate", "no such\nmodel"), 1, "no such model: No such file")


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run("train", "--data", tmp_path / "nowhere", "--debug")
    with pytest.raises(FileNotFoundError):
        run("evaluate", tmp_path / "nowhere", "--debug")


def test_a_bug_is_not_hidden(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise AttributeError("a bug")

    monkeypatch.setattr(cli, "fit", broken)
    with pytest.raises(AttributeError):
        run("train", *QUICK, "--out", tmp_path)


# --- bad places to write to ---------------------------------------------------------------


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """See that no training takes place."""

    def trained(*_: Any, **__: Any) -> None:
        pytest.fail("trained")

    monkeypatch.setattr(cli, "fit", trained)


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize("out", ["file", "file/below"])
def test_a_file_in_the_way_is_told_before_training(tmp_path: Path, out: str) -> None:
    (tmp_path / "file").write_text("precious")
    result = run("train", *QUICK, "--out", tmp_path / out)
    assert_one_line(result, 1, f"cannot write to {tmp_path / out}")
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.usefixtures("untrained")
def test_an_out_that_is_a_file_is_said_to_be_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run("train", *QUICK, "--out", tmp_path / "file")
    assert_one_line(result, 1, f"cannot write to {tmp_path / 'file'}: it is not a directory\n")


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize("name", sorted(PLAIN_FILES | PICTURES))
def test_a_directory_in_the_way_of_a_file_is_told_before_training(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).mkdir()
    result = run("train", *QUICK, "--out", tmp_path)
    assert_one_line(result, 1, f"cannot write to {tmp_path}: {name} is a directory\n")


@pytest.mark.usefixtures("untrained")
def test_a_directory_that_takes_no_files_is_told_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(self: Path, **_: Any) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "touch", denied)
    result = run("train", *QUICK, "--out", tmp_path / "out")
    assert_one_line(result, 1, f"cannot write to {tmp_path / 'out'}: Permission denied")


def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "model.safetensors").write_bytes(b"old")
    monkeypatch.setattr("os.fsync", full)
    result = run("train", *QUICK, "--out", tmp_path)
    assert_one_line(result, 1, f"cannot write to {tmp_path}: No space left on device")
    assert [file.name for file in tmp_path.iterdir()] == ["model.safetensors"]
    assert (tmp_path / "model.safetensors").read_bytes() == b"old"


@pytest.mark.parametrize("fails_at", range(3))
def test_files_of_two_runs_are_never_mixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    calls = iter(range(100))

    def full(file: int) -> None:
        if next(calls) == fails_at:
            raise OSError(28, "No space left on device")

    for name in PLAIN_FILES:
        (tmp_path / name).write_bytes(b"old")
    monkeypatch.setattr("os.fsync", full)
    assert_one_line(run("train", *QUICK, "--out", tmp_path), 1, "No space left on device")
    assert {file.name for file in tmp_path.iterdir()} == PLAIN_FILES
    assert {file.read_bytes() for file in tmp_path.iterdir()} == {b"old"}


# --- missing packages ---------------------------------------------------------------------


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize(
    ("package", "options", "err"),
    [
        ("safetensors", ("--no-plots",), io.StringIO()),
        ("matplotlib", (), io.StringIO()),
        ("tqdm", ("--no-plots",), Terminal()),
    ],
)
def test_a_missing_extra_is_told_before_training(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    package: str,
    options: tuple[str, ...],
    err: io.StringIO,
) -> None:
    for module in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)
    result = run("train", "--data", "sample", *options, "--out", tmp_path / "out", err=err)
    assert_one_line(result, 1, package, "pip install 'tinygrad-mnist[cli]'")
    assert not (tmp_path / "out").exists()


def test_heavy_packages_are_loaded_only_where_they_are_used(tmp_path: Path) -> None:
    program = (
        "import sys; from tinygrad_mnist.cli import main;"
        "status = main(sys.argv[1:]);"
        "print(sorted({'matplotlib', 'PIL', 'tqdm'} & set(sys.modules)))"
    )
    arguments = [sys.executable, "-c", program, "train", *QUICK, "--out", str(tmp_path)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)  # noqa: S603 (own program)
    assert done.stdout.splitlines()[-1] == "[]"


# --- bad data -----------------------------------------------------------------------------


def test_a_directory_of_four_files_is_read(four_files: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("train", "--data", four_files, "--no-plots", "--json", "--out", out)
    assert result.status == 0
    assert result.out.startswith(f"Using 70 digits from {four_files}.\n")
    assert json.loads(result.out.splitlines()[-1])["data"] == "directory"
    assert read_record(out / "model.safetensors")["trained_on"] == "directory"
    assert "      -\n" in run("evaluate", out / "model.safetensors", "--data", four_files).out


def spoiled(content: bytes, how: str) -> bytes:
    match how:
        case "truncated":
            return content[:-1]
        case "oversized":
            return content + b"\0"
        case "foreign":
            return b"\x89PNG" + content[4:]
        case "unfinished gzip":
            return gzip.compress(content)[:-20]
        case "damaged gzip":
            packed = bytearray(gzip.compress(content))
            packed[len(packed) // 2] ^= 0xFF
            return bytes(packed)
        case "a label of 10":
            return content[:-1] + b"\x0a"
        case "one label less":
            return content[:4] + (len(content) - 9).to_bytes(4) + content[8:-1]
    raise AssertionError(how)


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize("data", MNIST_FILES, ids=lambda file: file.name)
@pytest.mark.parametrize(
    "how",
    [
        "truncated",
        "oversized",
        "foreign",
        "unfinished gzip",
        "damaged gzip",
        "a label of 10",
        "one label less",
    ],
)
def test_spoiled_files_are_one_line(four_files: Path, data: Any, how: str) -> None:
    if "label" in how and "labels" not in data.name:
        data = MNIST_FILES[1]
    file = four_files / data.name
    file.write_bytes(spoiled(file.read_bytes(), how))
    result = run("train", "--data", four_files, "--no-plots", "--out", four_files / "out")
    assert_one_line(result, 1, str(file))
    assert not (four_files / "out").exists()


@pytest.mark.usefixtures("untrained")
def test_a_missing_file_is_one_line(four_files: Path) -> None:
    (four_files / "t10k-labels-idx1-ubyte").unlink()
    result = run("train", "--data", four_files)
    assert_one_line(result, 1, "t10k-labels-idx1-ubyte", "expected a directory with")


@pytest.mark.usefixtures("untrained")
def test_all_of_mnist_is_not_a_few_digits_of_it(
    four_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYGRAD_MNIST_DATA", str(four_files))
    result = run("train", "--data", "full", "--no-plots")
    assert_one_line(result, 1, str(four_files / MNIST_FILES[0].name), "expected MNIST's own file")


@pytest.mark.usefixtures("untrained")
def test_data_without_a_name_is_one_line() -> None:
    assert_one_line(run("train", "--data", ""), 1, "data must be 'auto'", "not ''")


@pytest.mark.usefixtures("offline", "untrained")
def test_all_of_mnist_without_a_network_is_one_line() -> None:
    result = run("train", "--data", "full", "--no-plots")
    assert_one_line(result, 1, "could not be downloaded", "https://")


@pytest.mark.usefixtures("offline")
def test_without_a_network_the_sample_is_taken_and_said_so(tmp_path: Path) -> None:
    options = ("--epochs", 1, "--no-plots", "--json", "--out", tmp_path)
    result = run("train", *options)
    assert result.status == 0
    assert result.out.startswith("Using the bundled sample of 5,000 MNIST digits, because MNIST is")
    assert json.loads(result.out.splitlines()[-1])["data"] == "sample"


# --- evaluate -----------------------------------------------------------------------------


def test_evaluate_prints_accuracy_and_confusion(trained: Path, sample: MNIST) -> None:
    path = trained / "model.safetensors"
    result = run("evaluate", path, "--data", "sample")
    assert (result.status, result.err) == (0, "")
    evaluation = evaluate(load_model(path), sample.test_images, sample.test_labels)
    assert f"test accuracy  {100 * evaluation.accuracy:.2f} %" in result.out
    assert "no test for this model" not in result.out
    rows = [line.split() for line in result.out.splitlines()[-10:]]
    assert [row[0] for row in rows] == [str(digit) for digit in range(10)]
    assert np.array(rows, int)[:, 1:].tolist() == evaluation.confusion.tolist()


@pytest.mark.parametrize("trained_on", ["full", "directory", ""])
def test_the_sample_is_no_test_for_a_model_of_mnist(tmp_path: Path, trained_on: str) -> None:
    path = tmp_path / "model"
    save_model(path, mlp([784, 10, 10], np.random.default_rng(0)), trained_on)
    result = run("evaluate", path, "--data", "sample")
    assert result.status == 0
    assert "The sample is no test for this model" in result.out


@pytest.mark.parametrize("verb", ["evaluate", "predict"])
def test_a_file_that_is_no_sound_model_is_one_line(
    tmp_path: Path, trained: Path, verb: str
) -> None:
    rest = ["image.png"] if verb == "predict" else ["--data", "sample"]
    sound = (trained / "model.safetensors").read_bytes()
    path = tmp_path / "model"
    assert_one_line(run(verb, path, *rest), 1, f"{path}: No such file or directory")
    assert_one_line(run(verb, tmp_path, *rest), 1, f"{tmp_path}: Is a directory")
    for content, words in (
        (sound[:-1], "not a sound safetensors file"),
        (b"", "not a sound safetensors file"),
        (save({"a": np.zeros(3)}), "not a model of tinygrad_mnist"),
    ):
        path.write_bytes(content)
        assert_one_line(run(verb, path, *rest), 1, str(path), words)
    for sizes in ([100, 10], [784, 5]):
        save_model(path, mlp(sizes, np.random.default_rng(0)))
        words = f"expected a model from 784 pixels to 10 digits, found layers of {sizes[0]}-"
        assert_one_line(run(verb, path, *rest), 1, str(path), words)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX's")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path, trained: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert_one_line(run("evaluate", pipe, "--data", "sample"), 1, f"{pipe}: not a regular file\n")
    assert_one_line(run("predict", pipe, "a.png"), 1, f"{pipe}: not a regular file\n")
    result = run("predict", trained / "model.safetensors", pipe)
    assert_one_line(result, 1, f"{pipe}: not a regular file\n")


# --- predict ------------------------------------------------------------------------------


@pytest.fixture
def images(tmp_path: Path, trained: Path, sample: MNIST) -> list[Path]:
    """Pictures of three digits that the model gets right."""
    answers = evaluate(
        load_model(trained / "model.safetensors"), sample.test_images, sample.test_labels
    ).probabilities.argmax(axis=1)
    right = np.flatnonzero(answers == sample.test_labels)[:3]
    paths = []
    for index in right:
        paths.append(tmp_path / f"{sample.test_labels[index]}_{index}.png")
        Image.fromarray(sample.test_images[index]).save(paths[-1])
    return paths


def test_predict_prints_the_answer_and_ten_bars(trained: Path, images: list[Path]) -> None:
    result = run("predict", trained / "model.safetensors", *images)
    assert (result.status, result.err) == (0, "")
    lines = result.out.splitlines()
    assert len(lines) == 11 * len(images)
    for path, start in zip(images, range(0, len(lines), 11), strict=True):
        digit = int(path.name[0])
        assert lines[start] == f"{path}: {digit}"
        rows = [line.split() for line in lines[start + 1 : start + 11]]
        assert [int(row[0]) for row in rows] == list(range(10))
        shares = [float(row[1]) for row in rows]
        assert sum(shares) == pytest.approx(100, abs=0.1)
        assert max(range(10), key=shares.__getitem__) == digit
        bars = [len(row[3]) if len(row) > 3 else 0 for row in rows]
        np.testing.assert_allclose(bars, 0.3 * np.array(shares), atol=0.6)


def test_a_bad_picture_is_reported_and_the_others_are_answered(
    tmp_path: Path, trained: Path, images: list[Path]
) -> None:
    text = tmp_path / "text.png"
    text.write_text("a seven")
    blank = tmp_path / "blank.png"
    Image.new("L", (50, 50), "white").save(blank)
    missing = tmp_path / "missing.png"
    bad = [text, blank, missing]
    result = run("predict", trained / "model.safetensors", images[0], *bad, images[1])
    assert result.status == 1
    assert result.out.count(".png: ") == 2
    lines = result.err.splitlines()
    assert len(lines) == 3
    for line, path in zip(lines, bad, strict=True):
        assert line.startswith("tinygrad-mnist: error: ")
        assert str(path) in line


def test_without_pillow_the_extra_is_named(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    result = run("predict", trained / "model.safetensors", "a.png", "b.png")
    assert_one_line(result, 1, "reading an image needs the package PIL")


# --- as a process of its own --------------------------------------------------------------


def test_the_module_runs_from_the_shell(tmp_path: Path) -> None:
    arguments = command("train", *QUICK, "--json", "--out", tmp_path / "out")
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)  # noqa: S603 (own program)
    assert done.stderr == ""
    assert json.loads(done.stdout.splitlines()[-1])["epochs"] == 2


def test_errors_reach_the_shell(tmp_path: Path) -> None:
    arguments = command("evaluate", tmp_path / "missing")
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)  # noqa: S603 (own program)
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr == f"tinygrad-mnist: error: {tmp_path / 'missing'}: No such file or directory\n"
    )


@pytest.mark.skipif(os.name != "posix", reason="pipes and signals are POSIX's")
def test_a_reader_that_has_gone_is_no_reason_to_complain(trained: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(  # noqa: S603 (own program)
        command("evaluate", trained / "model.safetensors", "--data", "sample"),
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_an_output_that_is_full_is_one_line(trained: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(  # noqa: S603 (own program)
            command("evaluate", trained / "model.safetensors", "--data", "sample"),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env=os.environ | {"PYTHONUNBUFFERED": ""},
        )
    result = Result(done.returncode, "", done.stderr)
    assert_one_line(result, 1, "standard output: No space left on device")


def test_ctrl_c_while_the_module_starts_is_one_line() -> None:
    program = (
        "import runpy, sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'tinygrad_mnist.cli':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "runpy.run_module('tinygrad_mnist', run_name='__main__')\n"
    )
    done = subprocess.run(  # noqa: S603 (own program)
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "tinygrad-mnist: interrupted\n"
