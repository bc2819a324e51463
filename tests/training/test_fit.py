"""`fit` does gradient descent as on paper, reports what it did, and stops when it must."""

import json
import math
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from run_strategies import OPTIONS, SEEDS
from small_runs import Notes, Options, Shaken, bits, noise, small, speckle

from tinygrad_mnist import by_hand, nn, optim
from tinygrad_mnist.data import Digits, load_mnist
from tinygrad_mnist.training import Callback, DivergedError, Epoch, Step, evaluate, fit

few = settings(max_examples=20)


def train(model: nn.Module, digits: Digits, lr: float = 0.1, **options: Any) -> list[Epoch]:
    options = {"epochs": 1, "batch_size": 8, "rng": np.random.default_rng(0)} | options
    options.setdefault("optimiser", optim.SGD(model.parameters(), lr))
    return fit(model, digits, **options)


def same(one: nn.Module, other: nn.Module) -> bool:
    return bool(bits(one.state_dict()) == bits(other.state_dict()))


def spoil(model: nn.Module, value: float) -> None:
    model.load_state_dict(
        {name: np.full_like(array, value) for name, array in model.state_dict().items()}
    )


# --- what it computes ---------------------------------------------------------------------


@few
@given(SEEDS, st.integers(1, 3))
def test_full_batches_are_gradient_descent_by_hand(seed: int, epochs: int) -> None:
    digits, model = noise(seed), small(seed)
    W1, b1, W2, b2 = (array.T.astype(np.float64) for array in model.state_dict().values())
    parameters: by_hand.FourArrays = (W1, b1[:, None], W2, b2[:, None])
    X = digits.images.reshape(-1, 784).T / 255
    Y = by_hand.one_hot(digits.labels, dtype=np.float64)
    losses = []
    for _ in range(epochs):
        Z1, A1, Z2, A2 = by_hand.forward(X, *parameters)
        losses.append(by_hand.cross_entropy(Z2, Y))
        gradients = by_hand.backward(X, Y, Z1, A1, A2, W2=parameters[2])
        parameters = by_hand.update(parameters, gradients, 0.01)

    history = train(model, digits, 0.01, epochs=epochs, batch_size=0)
    np.testing.assert_allclose([epoch.train_loss for epoch in history], losses, rtol=1e-4)
    for array, expected in zip(model.state_dict().values(), parameters, strict=True):
        np.testing.assert_allclose(array, expected.T.reshape(array.shape), rtol=1e-3, atol=1e-5)


@few
@given(SEEDS, st.integers(1, 3), st.integers(0, 25), st.booleans())
def test_figures_are_means_over_the_samples(
    seed: int, epochs: int, batch_size: int, augment: bool
) -> None:
    digits, valid, model, notes = noise(seed), noise(seed + 1, 10), small(seed), Notes()
    history = train(
        model,
        digits,
        lr=0.0,  # the model stays as it was drawn
        epochs=epochs,
        batch_size=batch_size,
        valid=valid,
        augment=(lambda images, rng: images) if augment else None,
        callbacks=[notes],
    )
    on_train, on_valid = evaluate(model, *digits), evaluate(model, *valid)
    second, first = np.sort(on_train.probabilities, axis=1)[:, -2:].T
    assume((first - second).min() > 1e-5)  # or rounding may decide which of two digits it is
    assert notes.epochs == history
    assert [epoch.epoch for epoch in history] == list(range(1, epochs + 1))
    for epoch in history:
        assert epoch.train_loss == pytest.approx(on_train.loss, rel=1e-5)
        assert epoch.train_accuracy == pytest.approx(on_train.accuracy)
        assert epoch.valid_loss == pytest.approx(on_valid.loss)
        assert epoch.valid_accuracy == on_valid.accuracy
        assert epoch.seconds > 0
        assert 0 <= epoch.waits < 20
    a_epoch = math.ceil(20 / batch_size) if batch_size else 1
    assert [step[:3] for step in notes.steps] == [
        (epoch, step, a_epoch) for epoch in range(1, epochs + 1) for step in range(1, a_epoch + 1)
    ]
    assert notes.steps[-1][3:] == (history[-1].train_loss, history[-1].train_accuracy)


def test_history_is_ready_for_json() -> None:
    history = train(small(), noise(0))
    assert history[0].valid_loss is None
    assert json.loads(json.dumps([epoch._asdict() for epoch in history]))


def test_the_seed_decides() -> None:
    models = [small(seed=1) for _ in range(3)]
    for model, seed in zip(models, (5, 5, 6), strict=True):
        train(model, noise(0), rng=np.random.default_rng(seed))
    assert same(models[0], models[1])
    assert not same(models[0], models[2])


def test_the_sample_is_learned_and_stays_as_it_is() -> None:
    digits = load_mnist("sample")
    before = digits.train.images.tobytes()
    history = train(small(), digits.train, epochs=10, batch_size=32, valid=digits.test)
    assert history[-1].train_accuracy > 0.9
    assert history[-1].valid_accuracy is not None
    assert history[-1].valid_accuracy > 0.8
    assert digits.train.images.tobytes() == before


def test_a_loss_of_ones_own() -> None:
    def doubled(logits: Any, labels: Any) -> Any:
        return 2 * nn.functional.softmax_cross_entropy(logits, labels)

    one, other = small(), small()
    twice = train(one, noise(0), 0.05, loss_fn=doubled)
    once = train(other, noise(0), 0.1)
    assert twice[0].train_loss == pytest.approx(2 * once[0].train_loss)
    np.testing.assert_allclose(one.state_dict()["0.weight"], other.state_dict()["0.weight"])


def test_the_schedule_moves_after_every_step() -> None:
    model, notes = small(), Notes()
    optimiser = optim.SGD(model.parameters(), lr=1.0)
    schedule = optim.lr_scheduler.ExponentialLR(optimiser, 0.5)
    history = train(
        model, noise(0), optimiser=optimiser, schedule=schedule, epochs=2, callbacks=[notes]
    )
    assert [epoch.lr for epoch in history] == [0.5**2, 0.5**5]
    assert optimiser.param_groups[0]["lr"] == 0.5**6


def test_an_augmentation_sees_images_and_a_thread_of_its_own_has_ended() -> None:
    shapes = set()

    def look(images: Any, rng: np.random.Generator) -> Any:
        shapes.add((images.shape, images.dtype.name, threading.current_thread().daemon))
        return speckle(images, rng)

    plain, changed = small(), small()
    before = threading.active_count()
    train(plain, noise(0))
    train(changed, noise(0), augment=look)
    assert shapes == {((8, 28, 28), "uint8", True), ((4, 28, 28), "uint8", True)}
    assert not same(plain, changed)
    assert threading.active_count() == before


@pytest.mark.parametrize("name", ["clip_norm", "clip_value"])
def test_gradients_are_clipped(name: str) -> None:
    model, before = small(), small()
    train(model, noise(0), 1.0, batch_size=0, **{name: 1e-3})
    moved = [
        model.state_dict()[key].astype(np.float64) - array
        for key, array in before.state_dict().items()
    ]
    if name == "clip_value":
        assert max(np.abs(each).max() for each in moved) == pytest.approx(1e-3, rel=1e-3)
    else:
        norm = math.sqrt(sum(np.vdot(each, each) for each in moved))
        assert norm == pytest.approx(1e-3, rel=1e-3)


# --- what the model is in the end ---------------------------------------------------------


def test_averaged_values_are_examined_and_kept() -> None:
    digits, valid = noise(0), noise(1)
    model, plain = small(), small()
    average = optim.ExponentialMovingAverage(model, 0.9)
    history = train(model, digits, average=average, valid=valid, epochs=3)
    raw = train(plain, digits, valid=valid, epochs=3)
    assert bits(model.state_dict()) == bits(average.state_dict()["values"])
    assert not same(model, plain)
    assert [e.train_loss for e in history] == [e.train_loss for e in raw]
    assert [e.valid_loss for e in history] != [e.valid_loss for e in raw]
    assert history[-1].valid_loss == evaluate(model, *valid).loss


@few
@given(OPTIONS, st.integers(1, 3))
def test_patience_ends_with_the_best_epoch(options: Options, patience: int) -> None:
    options.valid, options.patience, options.epochs = True, patience, 6
    arguments = options.arguments()
    history = fit(**arguments)
    losses = [epoch.valid_loss for epoch in history if epoch.valid_loss is not None]
    best = losses.index(min(losses))
    since = [i - losses.index(min(losses[: i + 1])) for i in range(len(losses))]
    assert max(since[:-1], default=0) < patience  # it did not go on for too long
    assert len(losses) == 6 or since[-1] == patience  # nor end too soon
    assert evaluate(arguments["model"], *arguments["valid"]).loss == losses[best]


def test_of_equally_good_epochs_the_first_is_the_best() -> None:
    class Keep(Callback):
        def on_epoch(self, epoch: Epoch) -> None:
            kept.append(bits(model.state_dict()))

    kept: list[Any] = []
    digits, model = noise(0), small()
    black = Digits(np.zeros((10, 28, 28), np.uint8), np.arange(10, dtype=np.uint8))
    weight = model.parameters()[:1]  # of black images nothing depends on it
    history = train(
        model,
        digits,
        optimiser=optim.SGD(weight, 0.1),
        epochs=6,
        valid=black,
        patience=3,
        callbacks=[Keep()],
    )
    assert len({epoch.valid_loss for epoch in history}) == 1
    assert len(history) == 4  # the first, and three that are no better
    assert bits(model.state_dict()) == kept[0] != kept[-1]


def test_each_part_is_in_its_mode_and_comes_back_to_its_own() -> None:
    rng = np.random.default_rng(0)
    model = Shaken(nn.Sequential(Shaken(small(), rng)), rng).eval()
    inner = model.model[0]  # type: ignore[index]  # a Sequential
    inner.training = True
    modes = []

    class Look(Callback):
        def on_step(self, step: Step) -> None:
            modes.append((model.training, inner.training))

    train(model, noise(0), valid=noise(1), epochs=2, callbacks=[Look()])
    assert set(modes) == {(True, True)}
    assert (model.training, inner.training) == (False, True)
    assert model.count.item() == inner.count.item() == 6  # steps only, not the validation


# --- how it ends --------------------------------------------------------------------------


def test_a_callback_ends_the_training_and_all_are_asked() -> None:
    class Enough(Callback):
        def on_epoch(self, epoch: Epoch) -> bool:
            return epoch.epoch == 2

    notes = Notes()
    history = train(small(), noise(0), epochs=5, callbacks=[Enough(), notes])
    assert notes.epochs == history
    assert len(history) == 2


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("valid", [True, False])
def test_pixels_that_are_no_numbers_are_not_blamed_on_the_learning_rate(
    value: float, valid: bool
) -> None:
    spoiled = noise(0).images.astype(np.float32) / 255
    spoiled[13, 5, 5] = value
    digits, other = noise(0)._replace(images=spoiled), noise(1)
    model = small()
    with pytest.raises(ValueError, match=r"the images .*hold pixels that are infinite or not"):
        train(model, other if valid else digits, valid=digits if valid else None)
    assert valid or same(model, small())


def test_divergence_goes_back_to_the_initial_weights() -> None:
    model = small()
    with pytest.raises(DivergedError, match=r"in epoch 1, step \d; .* the initial ones;") as caught:
        train(model, noise(0), 1e30, batch_size=4)
    assert caught.value.epoch == 1
    assert caught.value.step in range(2, 6)  # the first step can still be taken
    assert caught.value.history == []
    assert same(model, small())


class Spoiler(Callback):
    """Spoils a model after some step."""

    def __init__(self, model: nn.Module, value: float, epoch: int, step: int) -> None:
        self.model, self.value, self.when = model, value, (epoch, step)
        self.good: Any = None

    def on_step(self, step: Step) -> None:
        if step[:2] == self.when:
            spoil(self.model, self.value)

    def on_epoch(self, epoch: Epoch) -> None:
        self.good = bits(self.model.state_dict())


@pytest.mark.parametrize("value", [math.nan, math.inf, 3e38])
def test_divergence_goes_back_to_the_last_good_epoch(value: float) -> None:
    model = small()
    spoiler = Spoiler(model, value, epoch=3, step=2)
    with pytest.raises(DivergedError, match=r"epoch 3, step 3; .*the end of epoch 2;") as caught:
        train(model, noise(0), epochs=4, batch_size=5, callbacks=[spoiler])
    assert [epoch.epoch for epoch in caught.value.history] == [1, 2]
    assert bits(model.state_dict()) == spoiler.good


@pytest.mark.parametrize("valid", [None, noise(1)])
def test_an_overflow_in_the_last_step_of_an_epoch_is_seen(valid: Digits | None) -> None:
    model = small()
    spoiler = Spoiler(model, math.nan, epoch=1, step=1)
    with pytest.raises(DivergedError, match=r"epoch 1, step 1; .*the initial ones"):
        train(model, noise(0), batch_size=0, valid=valid, callbacks=[spoiler])
    assert same(model, small())


def test_divergence_of_an_average_goes_back_to_it() -> None:
    model = small()
    average = optim.ExponentialMovingAverage(model, 0.9)
    good = []

    class Keep(Callback):
        def on_epoch(self, epoch: Epoch) -> None:
            good.append(bits(average.state_dict()["values"]))

    with pytest.raises(DivergedError):
        train(
            model,
            noise(0),
            epochs=3,
            average=average,
            callbacks=[Spoiler(model, math.nan, epoch=2, step=1), Keep()],
        )
    assert bits(model.state_dict()) == good[-1]


def test_divergence_goes_back_to_the_best_epoch_if_there_is_patience() -> None:
    model, kept = small(), []

    class Keep(Callback):
        def on_epoch(self, epoch: Epoch) -> None:
            kept.append(bits(model.state_dict()))

    spoiler = Spoiler(model, math.nan, epoch=12, step=1)
    with pytest.raises(DivergedError) as caught:
        train(
            model,
            noise(0),
            epochs=12,
            valid=noise(1),
            patience=12,
            callbacks=[Keep(), spoiler],
        )
    losses = [epoch.valid_loss or 0.0 for epoch in caught.value.history]
    best = losses.index(min(losses))
    assert best < len(losses) - 1  # noise cannot be learned for long
    assert bits(model.state_dict()) == kept[best]
    assert caught.value.kept == best + 1
    assert f"those of the end of epoch {best + 1};" in str(caught.value)


class Raises(Callback):
    def on_step(self, step: Step) -> None:
        raise FloatingPointError("of a callback")


class Examines(Callback):
    """Examines another model, whose answers are no numbers."""

    def on_step(self, step: Step) -> None:
        other = small()
        spoil(other, math.nan)
        evaluate(other, *noise(1))


def overflowing(images: Any, rng: np.random.Generator) -> Any:
    raise FloatingPointError("of the augmentation")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"callbacks": [Raises()]}, "of a callback"),
        ({"callbacks": [Examines()]}, "the model's outputs are not all finite"),
        ({"augment": overflowing}, "of the augmentation"),
    ],
)
def test_errors_of_others_come_out_as_they_are(options: dict[str, Any], words: str) -> None:
    with pytest.raises(FloatingPointError, match=words) as caught:
        train(small(), noise(0), **options)
    assert not isinstance(caught.value, DivergedError)


@pytest.mark.parametrize("name", ["clip_norm", "clip_value"])
def test_an_infinite_bound_is_none(name: str) -> None:
    clipped, plain = small(), small()
    train(clipped, noise(0), **{name: math.inf})
    train(plain, noise(0))
    assert same(clipped, plain)


# --- bad input ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs must be 1 or more, not 0"),
        ({"batch_size": -1}, "batch_size must be 0 .* or more, not -1"),
        ({"patience": 0, "valid": noise(1)}, "patience must be 1 epoch or more, not 0"),
        ({"patience": 2}, "patience is for a validation loss"),
        ({"clip_norm": 0.0}, "clip_norm must be above 0, not 0.0"),
        ({"clip_value": math.nan}, "clip_value must be above 0, not nan"),
        ({"clip_norm": 1.0, "clip_value": 1.0}, "not by both"),
        ({"valid": noise(1)._replace(labels=np.zeros(3, np.uint8))}, "as many validation labels"),
        ({"optimiser": optim.SGD(small().parameters(), 0.1)}, "none of the model's parameters"),
    ],
)
def test_nonsense_is_refused(options: dict[str, Any], message: str) -> None:
    model = small()
    with pytest.raises(ValueError, match=message):
        train(model, noise(0), **options)
    assert same(model, small())


@pytest.mark.parametrize(
    "options", [{"epochs": 2.5}, {"batch_size": 2.5}, {"rng": None}, {"rng": 0}]
)
def test_wrong_types_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        train(small(), noise(0), **options)


def scheduled_elsewhere() -> Any:
    return optim.lr_scheduler.StepLR(optim.SGD(small().parameters(), 0.1), 1)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"schedule": scheduled_elsewhere()}, ValueError, "schedule was made for another optimi"),
        ({"average": optim.ExponentialMovingAverage(small())}, ValueError, "for another model"),
        ({"schedule": 3}, TypeError, "schedule must be a schedule, not 3"),
        ({"average": 0.9}, TypeError, "average must be an ExponentialMovingAverage, not 0.9"),
        ({"optimiser": 0.1}, TypeError, "optimiser must be an optimiser, not 0.1"),
        (
            {"checkpoints": "dir"},
            TypeError,
            r"checkpoints must be Checkpoints\(directory\), not 'd",
        ),
        ({"resume": "dir"}, TypeError, r"resume must be what load_checkpoint\(path\) returns, not"),
    ],
)
def test_what_is_of_another_kind_or_of_another_run_is_refused(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    model = small()
    with pytest.raises(error, match=message):
        train(model, noise(0), **options)
    assert same(model, small())


@few
@given(st.integers(1, 12), st.integers(0, 12), st.integers(1, 2))
def test_a_last_batch_that_cannot_be_normalised_is_noticed_first(
    count: int, batch_size: int, length: int
) -> None:
    rng = np.random.default_rng(0)
    model = nn.Sequential(
        nn.Linear(784, 10, rng=rng),
        nn.Unflatten(1, (10 // length, length)),  # with a length, one sample is enough
        nn.BatchNorm1d(10 // length),
        nn.Flatten(),
        nn.Dropout(0.5, rng=rng),
    )
    before, notes = bits([model.state_dict(), rng.bit_generator.state]), Notes()
    last = (count - 1) % (batch_size or count) + 1
    options: dict[str, Any] = {"rng": rng, "batch_size": batch_size, "callbacks": [notes]}
    if last > 1 or length > 1:
        train(model, noise(0, count), **options)
        return
    message = f"has one of the {count} samples, and .*; give another batch_size than {batch_size}"
    with pytest.raises(ValueError, match=message):
        train(model, noise(0, count), **options)
    assert not notes.steps
    assert bits([model.state_dict(), rng.bit_generator.state]) == before


def linear(*sizes: int) -> nn.Module:
    return nn.Linear(*sizes, rng=np.random.default_rng(0))


def test_digits_that_do_not_fit_are_refused() -> None:
    images, labels = noise(0)
    with pytest.raises(ValueError, match="as many labels as images"):
        train(small(), Digits(images, labels[:-1]))
    with pytest.raises(ValueError, match=r"images of shape \(28, 28\) do not fit the model: aff"):
        train(linear(100, 10), noise(0))
    with pytest.raises(ValueError, match="expected a model with 10 outputs"):
        train(linear(784, 5), noise(0))
    with pytest.raises(ValueError, match=r"images of shape \(20, 20\) do not fit the model"):
        train(small(), noise(0), valid=Digits(np.zeros((5, 20, 20), np.uint8), labels[:5]))


def test_a_loss_for_each_sample_is_refused() -> None:
    with pytest.raises(RuntimeError, match="only a scalar"):
        train(small(), noise(0), loss_fn=lambda logits, labels: logits.sum(axis=1))
