"""A run that was stopped, wherever it was, goes on with the same bits."""

import tempfile
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_strategies import OPTIONS
from small_runs import Crash, CrashAfter, Notes, Options, bits, noise, outcome, small

from tinygrad_mnist import nn, optim
from tinygrad_mnist.data import Compose, ElasticTransform, RandomAffine
from tinygrad_mnist.training import (
    Callback,
    Checkpoint,
    CheckpointError,
    Checkpoints,
    DivergedError,
    Epoch,
    Step,
    fit,
    load_checkpoint,
)
from tinygrad_mnist.training.conditions import describe


@settings(max_examples=40)
@given(OPTIONS, st.integers(0, 20), st.integers(1, 4), st.data())
def test_a_stopped_run_ends_with_the_same_bits(
    options: Options, steps: int, keep: int, data: st.DataObject
) -> None:
    whole = options.arguments()
    expected = outcome(whole, fit(**whole))
    with tempfile.TemporaryDirectory() as directory:
        checkpoints = Checkpoints(directory, every=0, keep=keep)
        arguments = options.arguments()
        with suppress(Crash):
            fit(**arguments, checkpoints=checkpoints, callbacks=[CrashAfter(steps)])
        assert 1 <= len(checkpoints.paths()) <= keep
        path = data.draw(st.sampled_from(checkpoints.paths()), label="path")
        if data.draw(st.booleans(), label="in another process"):
            arguments = options.arguments()
        # Stopped a second time, and resumed a third.
        again = [CrashAfter(data.draw(st.integers(0, 20), label="more steps"))]
        with suppress(Crash):
            resume = load_checkpoint(path)
            fit(**arguments, checkpoints=checkpoints, resume=resume, callbacks=again)
        arguments = options.arguments()
        history = fit(**arguments, checkpoints=checkpoints, resume=checkpoints.latest())
        assert outcome(arguments, history) == expected
        assert checkpoints.latest().finished


@settings(max_examples=20)
@given(OPTIONS, st.integers(0, 20))
def test_what_ran_before_does_not_matter(options: Options, size: int) -> None:
    first = options.arguments()
    expected = outcome(first, fit(**first))
    other = Options(seed=size, optimiser="Adam", network="shaken by its own generator").arguments()
    fit(**other)
    np.random.default_rng().random(size)  # memory moves
    again = options.arguments()
    assert outcome(again, fit(**again)) == expected


def test_a_run_that_has_ended_is_not_trained_again(tmp_path: Any) -> None:
    options, notes = Options(valid=True, average=True), Notes()
    first = options.arguments()
    history = fit(**first, checkpoints=Checkpoints(tmp_path))
    again = options.arguments()
    resumed = fit(**again, resume=load_checkpoint(tmp_path), callbacks=[notes])
    assert resumed == history
    assert not notes.steps
    assert outcome(again, resumed) == outcome(first, history)


def test_the_end_that_a_callback_made_is_an_end(tmp_path: Any) -> None:
    class Enough(Callback):
        def on_epoch(self, epoch: Epoch) -> bool:
            return epoch.epoch == 2

    history = fit(**Options().arguments(), checkpoints=Checkpoints(tmp_path), callbacks=[Enough()])
    assert len(history) == 2
    assert fit(**Options().arguments(), resume=load_checkpoint(tmp_path)) == history


@pytest.mark.parametrize("augment", [True, False])
def test_seconds_and_waits_add_up_over_a_resumption(tmp_path: Any, augment: bool) -> None:
    options, checkpoints = Options(augment=augment), Checkpoints(tmp_path, every=0)
    with pytest.raises(Crash):
        fit(**options.arguments(), checkpoints=checkpoints, callbacks=[CrashAfter(2)])
    checkpoint = checkpoints.latest()
    checkpoint.state["tally"].update(seconds=1000.0, waits=700)
    history = fit(**options.arguments(), resume=checkpoint)
    assert history[0].seconds > 1000 > history[1].seconds
    assert history[0].waits >= 700 > history[1].waits


def test_divergence_after_a_resumption_goes_back_to_the_last_epoch(tmp_path: Any) -> None:
    class Spoil(Callback):
        """Spoils the model in its second epoch."""

        def __init__(self, model: nn.Module) -> None:
            self.model = model

        def on_step(self, step: Step) -> None:
            if step[:2] == (2, 2):
                state = self.model.state_dict()
                self.model.load_state_dict({k: np.full_like(v, np.nan) for k, v in state.items()})

    checkpoints = Checkpoints(tmp_path, every=0)
    whole = Options(average=True).arguments()
    with pytest.raises(DivergedError):
        fit(**whole, callbacks=[Spoil(whole["model"])])
    stopped = Options(average=True).arguments()
    with pytest.raises(Crash):
        fit(**stopped, checkpoints=checkpoints, callbacks=[CrashAfter(4)])
    again = Options(average=True).arguments()
    with pytest.raises(DivergedError):
        fit(**again, resume=checkpoints.latest(), callbacks=[Spoil(again["model"])])
    assert bits(again["model"].state_dict()) == bits(whole["model"].state_dict())


# --- refusals -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    checkpoints = Checkpoints(tmp_path_factory.mktemp("run"), every=0)
    with pytest.raises(Crash):
        fit(
            **Options(valid=True, patience=2).arguments(),
            checkpoints=checkpoints,
            callbacks=[CrashAfter(4)],
        )
    return checkpoints.latest()


def wider() -> dict[str, Any]:
    model = nn.Sequential(nn.Linear(784, 12), nn.ReLU(), nn.Linear(12, 10))
    return {"model": model, "optimiser": optim.SGD(model.parameters(), 0.05, momentum=0.9)}


def deeper() -> dict[str, Any]:
    model = nn.Sequential(*small(), nn.ReLU(), nn.Linear(10, 10))
    return {"model": model, "optimiser": optim.SGD(model.parameters(), 0.05, momentum=0.9)}


def grouped() -> dict[str, Any]:
    model = small()
    first, *others = model.parameters()
    groups = [{"params": [first]}, {"params": others}]
    return {"model": model, "optimiser": optim.SGD(groups, 0.05, momentum=0.9)}


def adam() -> dict[str, Any]:
    model = small()
    return {"model": model, "optimiser": optim.Adam(model.parameters(), 0.05)}


def scheduled() -> dict[str, Any]:
    model = small()
    optimiser = optim.SGD(model.parameters(), 0.05, momentum=0.9)
    schedule = optim.lr_scheduler.ExponentialLR(optimiser, 0.9)
    return {"model": model, "optimiser": optimiser, "schedule": schedule}


def relabelled() -> dict[str, Any]:
    labels = noise(0).labels.copy()
    labels[7] = (labels[7] + 1) % 10
    return {"digits": noise(0)._replace(labels=labels)}


def redrawn() -> dict[str, Any]:
    images = noise(0).images.copy()
    images[7, 14, 14] ^= 1
    return {"digits": noise(0)._replace(images=images)}


def averaged() -> dict[str, Any]:
    arguments = Options(average=True).arguments()
    return {name: arguments[name] for name in ("model", "optimiser", "average")}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (wider, r"model 0.weight is float32 \(784, 10\) there and float32 \(784, 12\) here"),
        (deeper, r"model 4.bias is missing there and float32 \(10,\) here"),
        (grouped, "optimiser group 1 is missing there and "),
        (adam, "optimiser kind is SGD there and Adam here"),
        (scheduled, "schedule is none there and ExponentialLR"),
        (averaged, "average is none there and ExponentialMovingAverage"),
        (lambda: {"digits": noise(0, 21)}, r"digits is 20 \(.*\) there and 21 \(.*\) here"),
        (redrawn, r"digits is 20 \(checksum .*\) there and 20 \(checksum .*\) here"),
        (relabelled, r"digits is 20 \(checksum .*\) there and 20 \(checksum .*\) here"),
        (lambda: {"valid": noise(5)}, "validation is 20"),
        (lambda: {"batch_size": 9}, "batch size is 8 there and 9 here"),
        (lambda: {"epochs": 9}, "epochs is 3 there and 9 here"),
        (lambda: {"patience": 3}, "patience is 2 there and 3 here"),
        (lambda: {"clip_norm": 1.0}, "clip_norm is None there and 1.0 here"),
        (lambda: {"augment": lambda images, rng: images}, "augmentation is none there and "),
        (lambda: {"loss_fn": lambda x, y: x.sum()}, "loss function is none there and "),
        (
            lambda: {"rng": np.random.Generator(np.random.Philox(0))},
            r"generators is \['PCG64 0'\] there and \['Philox 0'\] here",
        ),
    ],
)
def test_another_run_is_refused(checkpoint: Checkpoint, change: Any, words: str) -> None:
    arguments = Options(valid=True, patience=2).arguments() | change()
    before = outcome(arguments, [])
    with pytest.raises(CheckpointError, match=rf"it is of another run: .*{words}") as caught:
        fit(**arguments, resume=checkpoint)
    assert caught.value.path == checkpoint.path
    assert caught.value.previous is None
    assert outcome(arguments, []) == before


def dropping(p: float) -> dict[str, Any]:
    model = nn.Sequential(*small(), nn.Dropout(p, rng=np.random.default_rng(0)))
    return {"model": model, "optimiser": optim.SGD(model.parameters(), 0.05)}


def grouped_with(decay: float) -> dict[str, Any]:
    model = small()
    first, *others = model.parameters()
    groups = [{"params": [first]}, {"params": others, "weight_decay": decay}]
    return {"model": model, "optimiser": optim.SGD(groups, 0.05)}


def optimised(**options: Any) -> dict[str, Any]:
    model = small()
    return {"model": model, "optimiser": optim.AdamW(model.parameters(), **options)}


def scheduled_by(gamma: float) -> dict[str, Any]:
    model = small()
    optimiser = optim.SGD(model.parameters(), 0.05)
    schedule = optim.lr_scheduler.ExponentialLR(optimiser, gamma)
    return {"model": model, "optimiser": optimiser, "schedule": schedule}


def averaged_by(decay: float) -> dict[str, Any]:
    model = small()
    average = optim.ExponentialMovingAverage(model, decay)
    return {
        "model": model,
        "optimiser": optim.SGD(model.parameters(), 0.05),
        "average": average,
    }


def turned(degrees: float) -> dict[str, Any]:
    return {"augment": Compose([RandomAffine(degrees), ElasticTransform()])}


def losing(*sizes: int) -> dict[str, Any]:
    layers = (nn.Linear(*sizes[i : i + 2]) for i in range(len(sizes) - 1))
    loss_fn = nn.Sequential(*layers)
    loss_fn.forward = nn.functional.cross_entropy  # type: ignore[method-assign]
    return {"loss_fn": loss_fn}


def weighted(last: float) -> dict[str, Any]:
    return {"loss_fn": nn.CrossEntropyLoss(np.array([1.0] * 9 + [last], np.float32))}


@pytest.mark.parametrize(
    ("there", "here", "words"),
    [
        (
            dropping(0.1),
            dropping(0.2),
            r"model part 4 is Dropout\(p=0.1\) there and Dropout\(p=0.2",
        ),
        (grouped_with(0.1), grouped_with(0.2), "optimiser group 1 weight_decay is 0.1 there and"),
        (optimised(), optimised(betas=(0.8, 0.999)), r"optimiser betas is \(0.9, 0.999\) there"),
        (scheduled_by(0.9), scheduled_by(0.8), "schedule is Exp.*0.9.* there and Exp.*0.8.* here"),
        (averaged_by(0.9), averaged_by(0.8), r"average is .*\(decay=0.9\) there and .*0.8"),
        (turned(5), turned(6), r"augmentation is Compose.*degrees=5,.* there and .*degrees=6,"),
        (
            {"loss_fn": nn.CrossEntropyLoss(label_smoothing=0.1)},
            {"loss_fn": nn.CrossEntropyLoss(label_smoothing=0.2)},
            "loss function is .*label_smoothing=0.1.* there and .*label_smoothing=0.2",
        ),
        (losing(3, 2), losing(4, 2), r"loss function 0.weight is float32 \(3, 2\) there and .*\(4"),
        (losing(3, 2), losing(3, 2, 2), "loss function 1.bias is missing there and"),
        (weighted(1.0), weighted(2.0), "loss function .*checksum .* there and .*checksum"),
    ],
)
def test_objects_made_with_other_arguments_are_refused(
    tmp_path: Any, there: dict[str, Any], here: dict[str, Any], words: str
) -> None:
    fit(**(Options().arguments() | there), checkpoints=Checkpoints(tmp_path))
    with pytest.raises(CheckpointError, match=words):
        fit(**(Options().arguments() | here), resume=load_checkpoint(tmp_path))


def test_the_learning_rate_is_taken_from_the_checkpoint(tmp_path: Any) -> None:
    fit(**(Options().arguments() | optimised(lr=0.01)), checkpoints=Checkpoints(tmp_path))
    arguments = Options().arguments() | optimised(lr=0.5)
    fit(**arguments, resume=load_checkpoint(tmp_path))
    assert arguments["optimiser"].param_groups[0]["lr"] == 0.01


def test_objects_are_described_without_what_changes_or_leads_back() -> None:
    class Own:
        def __init__(self, strength: float, inner: Any, outer: Any = None) -> None:
            self.strength, self.inner, self.outer, self.calls = strength, inner, self, 0

    one, other = (describe(Own(2.0, [Own(1.0, None), len])) for _ in range(2))
    assert one == other
    assert one.endswith(
        ".Own(strength=2.0, inner=("
        + one.split(".Own")[0].split("(")[-1]
        + ".Own(strength=1.0, inner=none), len))"
    )


def test_a_generator_that_is_shared_must_be_shared_again(tmp_path: Any) -> None:
    with pytest.raises(Crash):
        fit(
            **Options(network="shaken").arguments(),
            checkpoints=Checkpoints(tmp_path, every=0),
            callbacks=[CrashAfter(2)],
        )
    arguments = Options(network="shaken").arguments()
    arguments["model"].rng = np.random.default_rng(0)
    with pytest.raises(CheckpointError, match=r"'PCG64 0', 'PCG64 0'.* there and .*'PCG64 1'"):
        fit(**arguments, resume=load_checkpoint(tmp_path))


def test_the_checkpoint_before_a_stranger_is_offered(tmp_path: Any) -> None:
    own, strange = tmp_path / "own", tmp_path / "strange"
    for directory, options in ((own, Options()), (strange, Options(optimiser="Adam"))):
        fit(**options.arguments(), checkpoints=Checkpoints(directory, every=0, keep=1000))
    stranger = own / "checkpoint-000000099.safetensors"
    (strange / "checkpoint-000000009.safetensors").rename(stranger)
    words = "the one before it, checkpoint-000000009.safetensors, can be resumed from"
    with pytest.raises(CheckpointError, match=words) as caught:
        fit(**Options().arguments(), resume=load_checkpoint(own))
    assert caught.value.previous is not None
    fit(**Options().arguments(), resume=load_checkpoint(caught.value.previous))
