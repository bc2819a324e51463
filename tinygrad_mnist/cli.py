"""The command ``tinygrad-mnist``: train a recogniser, examine it, and let it read a picture.

This room parses arguments and prints; the work is done by `training`, `models`, `data` and
`run_directory`. What a person can have done wrong, or a disk or a network, is told in one line on
the standard error stream. The exit status is 0 if all went well, 2 if the command line makes no
sense, 130 after Ctrl-C, 141 if whoever read the output has gone, and 1 otherwise.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

import numpy as np

from tinygrad_mnist import nn
from tinygrad_mnist.data import MNIST, load_mnist
from tinygrad_mnist.data.image import read_image
from tinygrad_mnist.extras import need
from tinygrad_mnist.models import layer_sizes, load_model, mlp, read_record
from tinygrad_mnist.run_directory import prepared, save_pictures, save_run
from tinygrad_mnist.training import (
    DIGITS,
    DivergedError,
    Epoch,
    Evaluation,
    Settings,
    Step,
    evaluate,
    fit,
    predict,
)

__all__ = ["main"]

PROGRAM = "tinygrad-mnist"
PIXELS = 28 * 28
BAR = 30  # characters for a probability of 1

# What bad input, a bad disk or network, and absurd sizes raise; anything else is a bug.
EXPECTED = (
    OSError,
    ValueError,
    TypeError,
    ImportError,
    FloatingPointError,
    OverflowError,
    MemoryError,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments
        What follows the command's name; taken from ``sys.argv`` if not given.

    Returns
    -------
    int
        The exit status, 0 if all went well.

    Raises
    ------
    SystemExit
        With status 2 if the arguments make no sense, with status 0 after printing help.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # the name of a file may be anything
    try:
        try:
            status: int = options.run(options)
        finally:
            _flush_output()
    except BrokenPipeError:
        return 141
    except KeyboardInterrupt:
        if options.debug:
            raise
        print(f"{PROGRAM}: interrupted", file=sys.stderr)
        return 130
    except EXPECTED as error:
        if options.debug:
            raise
        _print_error(error)
        return 1
    return status


def _flush_output() -> None:
    try:
        sys.stdout.flush()
    except OSError as error:
        # What cannot be written is thrown away, or Python would try, and complain, at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise OSError(error.errno, error.strerror, "standard output") from error


# --- the command line ---------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """A parser that says in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{PROGRAM}: error: {message} (see {self.prog} --help)\n")


class _Version(argparse.Action):
    """Look the version up, which takes a while, only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(PROGRAM, version(PROGRAM))
        except PackageNotFoundError:
            parser.exit(1, f"{PROGRAM}: error: not installed, so the version is not known\n")
        parser.exit()


def _parser() -> _Parser:
    parser = _Parser(PROGRAM, description="Recognise handwritten digits with a small network.")
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    common = _Parser(add_help=False)
    common.add_argument(
        "--debug", action="store_true", help="show the full traceback when something goes wrong"
    )
    data = _Parser(add_help=False)
    data.add_argument(
        "--data",
        default="auto",
        metavar="auto|full|sample|DIR",
        help="the digits: 'auto' takes the directory that TINYGRAD_MNIST_DATA names, or else all "
        "of MNIST, downloaded once, or else the bundled sample; 'full' insists on all of MNIST, "
        "true to the last bit; 'sample' takes the bundled sample; a directory must hold four files "
        "named and made as MNIST's are (default: %(default)s)",
    )
    model = _Parser(add_help=False)
    model.add_argument("model", metavar="MODEL", type=Path, help="a model.safetensors of 'train'")

    text = "train a network of linear layers with ReLU between them, and test it after every epoch"
    train = commands.add_parser("train", parents=[data, common], help=text, description=text)
    train.set_defaults(run=lambda options: _train(train, options))
    _add_train_options(train)

    text = "examine a saved model on the test digits"
    command = commands.add_parser(
        "evaluate", parents=[model, data, common], help=text, description=text
    )
    command.set_defaults(run=_evaluate)

    text = "say which digit a picture shows"
    command = commands.add_parser(
        "predict",
        parents=[model, common],
        help=text,
        description=f"{text}; one that cannot be read is reported, the others are still answered, "
        "and the exit status is 1",
    )
    command.set_defaults(run=_predict)
    command.add_argument(
        "images", metavar="IMAGE", type=Path, nargs="+", help="a picture of one handwritten digit"
    )
    return parser


def _add_train_options(train: argparse.ArgumentParser) -> None:
    train.add_argument(
        "--hidden",
        type=int,
        nargs="+",
        default=[10],
        metavar="UNITS",
        help="the units of each hidden layer, one layer or more (default: 10)",
    )
    for name, type_, default, text in (
        ("epochs", int, Settings.epochs, "how often to go through the training digits"),
        ("batch-size", int, Settings.batch_size, "digits for each step; 0 takes all of them"),
        ("lr", float, Settings.lr, "the learning rate to begin with; it falls linearly to 0"),
        ("momentum", float, Settings.momentum, "how much of a step stays for the next, below 1"),
        ("seed", int, 0, "0 or more; the same seed gives the same model"),
    ):
        train.add_argument(
            f"--{name}",
            type=type_,
            default=default,
            metavar="N" if type_ is int else "X",
            help=f"{text} (default: %(default)s)",
        )
    train.add_argument(
        "--out",
        type=Path,
        default=Path("runs", "latest"),
        metavar="DIR",
        help="where to write the model, its settings and history, and the pictures; what an "
        "earlier run left there is replaced (default: %(default)s)",
    )
    train.add_argument("--no-plots", action="store_true", help="draw no pictures")
    train.add_argument(
        "--json", action="store_true", help="print the result as one line of JSON at the end"
    )


# --- train --------------------------------------------------------------------------------


def _train(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    try:
        settings = Settings(options.epochs, options.batch_size, options.lr, options.momentum)
        if min(options.hidden) < 1:
            raise ValueError(f"hidden layers must have 1 unit or more, not {min(options.hidden)}")
        if options.seed < 0:
            raise ValueError(f"seed must be 0 or more, not {options.seed}")
    except ValueError as error:
        parser.error(str(error))
    _need_extras(plots=not options.no_plots)
    digits = load_mnist(options.data, progress=sys.stderr.isatty())
    print(digits.source)
    with prepared(options.out):
        _fit_and_save(options, settings, digits)
    return 0


def _fit_and_save(options: argparse.Namespace, settings: Settings, digits: MNIST) -> None:
    rng = np.random.default_rng(options.seed)
    model = mlp([PIXELS, *options.hidden, DIGITS], rng)
    print(model)
    record = {
        "hidden": options.hidden,
        **asdict(settings),
        "seed": options.seed,
        "data": digits.kind,
        "source": digits.source,
    }

    try:
        with _progress(settings.epochs) as (on_step, on_epoch):
            history = fit(model, digits, settings, rng, on_step=on_step, on_epoch=on_epoch)
    except DivergedError as error:
        if error.history:
            save_run(options.out, model, record, error.history)
            print(f"The last good model is in {options.out}.")
        else:
            print("Nothing was saved, because no epoch had ended.")
        raise
    evaluation = evaluate(model, digits.test_images, digits.test_labels)
    files = save_run(options.out, model, record, history)
    if not options.no_plots:
        files += save_pictures(options.out, model, digits, history, evaluation)

    print(f"\ntrain loss     {history[-1].train_loss:.4f}")
    _print_accuracy(evaluation)
    print(f"\nIn {options.out}: {', '.join(file.name for file in files)}.")
    if options.json:
        result = {
            "test_accuracy": evaluation.accuracy,
            "test_loss": evaluation.loss,
            "train_loss": history[-1].train_loss,
            "epochs": settings.epochs,
            "seconds": sum(epoch.seconds for epoch in history),
            "data": digits.kind,
            "out": str(options.out),
        }
        print(json.dumps(result))


def _need_extras(plots: bool) -> None:
    """Miss what saving and drawing need before training, not after it."""
    need("safetensors.numpy", "cli", "saving a model")
    if plots:
        need("matplotlib", "cli", "drawing a picture")
    if sys.stderr.isatty():
        need("tqdm", "cli", "a progress bar")


@contextmanager
def _progress(
    epochs: int,
) -> Iterator[tuple[Callable[[Step], None] | None, Callable[[Epoch], None]]]:
    """Print a line for each epoch; at a terminal, show a progress bar meanwhile."""

    def line(epoch: Epoch) -> str:
        return (
            f"epoch {epoch.epoch:>{len(str(epochs))}}/{epochs}   "
            f"train loss {epoch.train_loss:.4f}, accuracy {_percent(epoch.train_accuracy)}   "
            f"test loss {epoch.test_loss:.4f}, accuracy {_percent(epoch.test_accuracy)}   "
            f"{epoch.seconds:.2f} s"
        )

    if not sys.stderr.isatty():
        yield None, lambda epoch: print(line(epoch), flush=True)
        return
    with need("tqdm", "cli", "a progress bar").tqdm(unit=" steps", leave=False) as bar:

        def on_step(step: Step) -> None:
            bar.set_postfix_str(
                f"loss {step.loss:.4f}, accuracy {_percent(step.accuracy)}", refresh=False
            )
            if step.step == 1:
                bar.set_description(f"epoch {step.epoch}/{epochs}", refresh=False)
                bar.reset(step.steps)
            bar.update()

        yield on_step, lambda epoch: bar.write(line(epoch))


# --- evaluate and predict -----------------------------------------------------------------


def _evaluate(options: argparse.Namespace) -> int:
    model = _load(options.model)
    trained_on = read_record(options.model)["trained_on"]
    digits = load_mnist(options.data, progress=sys.stderr.isatty())
    print(digits.source)
    if digits.kind == "sample" and trained_on != "sample":
        print(
            "The sample is no test for this model: its digits are from MNIST's training set, and "
            "the model may have learned from them."
        )
    evaluation = evaluate(model, digits.test_images, digits.test_labels)
    print(f"\ntest loss      {evaluation.loss:.4f}")
    _print_accuracy(evaluation)
    _print_confusion(evaluation)
    return 0


def _predict(options: argparse.Namespace) -> int:
    model = _load(options.model)
    status = 0
    for path in options.images:
        try:
            image = read_image(path)
        except (OSError, ValueError) as error:
            if options.debug:
                raise
            _print_error(error)
            status = 1
            continue
        (probabilities,) = predict(model, image[None])
        answer = int(probabilities.argmax())
        print(f"{path}: {answer}")
        for digit, probability in enumerate(probabilities):
            print(f"  {digit}  {_percent(probability)}  {'#' * round(BAR * probability)}".rstrip())
    return status


def _load(path: Path) -> nn.Sequential:
    model = load_model(path)
    sizes = layer_sizes(model)
    if (sizes[0], sizes[-1]) != (PIXELS, DIGITS):
        raise ValueError(
            f"{path}: expected a model from {PIXELS} pixels to {DIGITS} digits, "
            f"found layers of {'-'.join(map(str, sizes))}"
        )
    return model


# --- what is printed ----------------------------------------------------------------------


def _print_error(error: BaseException) -> None:
    text = str(error) or type(error).__name__
    if isinstance(error, OSError) and error.filename is not None:
        text = f"{error.filename}: {error.strerror}"
    print(f"{PROGRAM}: error: {' '.join(text.split())}", file=sys.stderr)


def _print_accuracy(evaluation: Evaluation) -> None:
    counts, right = evaluation.confusion.sum(axis=1), evaluation.confusion.diagonal()
    print(f"test accuracy  {_percent(evaluation.accuracy).strip()}\n")
    print("digit   right      of  accuracy")
    for digit, accuracy in enumerate(evaluation.digit_accuracy):
        share = _percent(accuracy) if counts[digit] else "-"
        print(f"{digit:>5}  {right[digit]:>6,}  {counts[digit]:>6,}  {share:>8}")
    print(f"  all  {right.sum():>6,}  {counts.sum():>6,}  {_percent(evaluation.accuracy):>8}")


def _print_confusion(evaluation: Evaluation) -> None:
    width = max(5, len(f"{evaluation.confusion.max():,}") + 2)
    print("\ntrue digit (rows) and predicted digit (columns)")
    print(" " * 5 + "".join(f"{digit:>{width}}" for digit in range(DIGITS)))
    for digit, row in enumerate(evaluation.confusion):
        print(f"{digit:>5}" + "".join(f"{count:>{width},}" for count in row))


def _percent(share: float) -> str:
    return f"{100 * share:6.2f} %"
