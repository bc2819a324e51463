"""The command ``train``: from options, a preset or a checkpoint to a directory with a model."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinygrad_mnist.blas import advice
from tinygrad_mnist.cli.parsing import PROGRAM, Parser, data_option
from tinygrad_mnist.cli.printing import print_accuracy
from tinygrad_mnist.cli.progress import progress
from tinygrad_mnist.data import MNIST, Digits, load_mnist, split
from tinygrad_mnist.extras import need
from tinygrad_mnist.recipes import AUGMENTATIONS, NETWORKS, OPTIMISERS, PRESETS, SCHEDULES, Recipe
from tinygrad_mnist.run_directory import (
    CHECKPOINTS,
    discard,
    prepared,
    save_pictures,
    save_run,
    set_aside,
)
from tinygrad_mnist.training import (
    Checkpoint,
    Checkpoints,
    DivergedError,
    evaluate,
    load_checkpoint,
)

__all__ = ["add_command"]

OUT = Path("runs", "latest")
_FIELDS = tuple(field.name for field in fields(Recipe))


class Run(NamedTuple):
    """All that a training run depends on; a checkpoint has it on record.

    Attributes
    ----------
    recipe, preset
        How to train, and the name of the preset that it began with, if any.
    seed
        Of all random numbers.
    validation
        How many training digits are set aside and watched; 0 watches nothing, None the test
        digits.
    data
        The digits, as ``--data`` names them.
    """

    recipe: Recipe
    preset: str | None
    seed: int
    validation: int | None
    data: str

    @property
    def watched(self) -> str:
        """Name the digits on which the network is examined after each epoch."""
        return "test" if self.validation is None else "valid"

    def record(self) -> dict[str, Any]:
        """Write it down for JSON."""
        return {**self._asdict(), "recipe": asdict(self.recipe)}

    @classmethod
    def of(cls, record: dict[str, Any]) -> Run:
        """Read what `record` wrote."""
        try:
            return cls(**{**record, "recipe": Recipe(**record["recipe"])})
        except (TypeError, KeyError) as error:
            raise ValueError(f"the checkpoint is not one of '{PROGRAM} train'") from error


# --- the command line ---------------------------------------------------------------------


def add_command(commands: Any, common: Parser) -> None:
    """Add ``train`` to the command line."""
    text = "train a recogniser, and test it"
    train = commands.add_parser(
        "train",
        parents=[data_option(None), common],
        help=text,
        description=f"{text}. Checkpoints are written on the way: after a crash, --resume goes on "
        "from the last one, and ends with the same bits.",
    )
    train.set_defaults(run=lambda options: _train(train, options))
    train.add_argument(
        "--preset",
        choices=PRESETS,
        metavar="NAME",
        help="a classic network and its training, which the options below then change: "
        + ", ".join(PRESETS),
    )
    train.add_argument(
        "--resume",
        type=Path,
        metavar="DIR",
        help="continue the run that was going on in this directory, from its last checkpoint or "
        "from the one that is named; the run's own options hold",
    )
    _add_recipe_options(train.add_argument_group("the recipe"))
    _add_run_options(train)


def _add_recipe_options(group: Any) -> None:
    """Add an option for each field of a `Recipe`; it is None if it is not given."""
    default = Recipe()
    for name, type_, choices, text in (
        ("network", str, NETWORKS, "which network"),
        ("hidden", int, None, "the units of each hidden layer of an mlp; none: a linear one"),
        ("dropout", float, None, "the probability with which units are left out"),
        ("epochs", int, None, "how often to go through the training digits"),
        ("batch-size", int, None, "digits for each step; 0 takes all of them"),
        ("optimiser", str, OPTIMISERS, "what moves the weights"),
        ("lr", float, None, "the learning rate at its highest"),
        ("momentum", float, None, "how much of a step stays for the next, below 1"),
        ("weight-decay", float, None, "the pull of the weights towards 0"),
        ("schedule", str, SCHEDULES, "how the learning rate goes on"),
        ("warmup", float, None, "epochs in which the learning rate rises from 0 first"),
        ("label-smoothing", float, None, "the share of a label that is spread over all classes"),
        ("clip-norm", float, None, "the greatest norm of the gradients"),
        ("average", float, None, "end with a running average of the weights, of this decay"),
        ("augment", str, tuple(AUGMENTATIONS), "how the training digits are distorted"),
        ("patience", int, None, "stop after so many epochs without a better validation loss"),
    ):
        value = getattr(default, name.replace("-", "_"))
        shown = " ".join(map(str, value)) if name == "hidden" else value
        group.add_argument(
            f"--{name}",
            type=type_,
            choices=choices,
            nargs="*" if name == "hidden" else None,
            metavar="|".join(choices)
            if choices
            else {"hidden": "UNITS"}.get(name, "N" if type_ is int else "X"),
            help=text if value is None else f"{text} (default: {shown})",
        )
    group.add_argument(
        "--nesterov",
        action=argparse.BooleanOptionalAction,
        help="let sgd look ahead along its velocity (default: no)",
    )


def _add_run_options(train: Parser) -> None:
    train.add_argument(
        "--validation",
        type=int,
        metavar="N",
        help="set the last N training digits aside, and examine the network on these after each "
        "epoch; 0 examines it only at the end (default: 0 with --preset; else nothing is set "
        "aside, and the test digits are watched)",
    )
    train.add_argument(
        "--seed",
        type=int,
        metavar="N",
        help="0 or more; the same seed gives the same model (default: 0)",
    )
    train.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="where to write the model, its settings and history, the pictures and the "
        "checkpoints; what an earlier run left there is replaced, but the checkpoints of an "
        f"unfinished one are set aside (default: {OUT})",
    )
    train.add_argument(
        "--checkpoint-every",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="write a checkpoint after so many seconds; 0: after every step (default: 10)",
    )
    train.add_argument(
        "--keep",
        type=int,
        default=3,
        metavar="K",
        help="how many checkpoints to keep (default: 3)",
    )
    train.add_argument(
        "--no-compile",
        dest="compile",
        action="store_false",
        help="run every step anew in Python instead of capturing the first one and replaying it; "
        "the digits and random numbers are the same, the last bits of the results are not",
    )
    train.add_argument("--no-plots", action="store_true", help="draw no pictures")
    train.add_argument(
        "--json", action="store_true", help="print the result as one line of JSON at the end"
    )


# --- the run ------------------------------------------------------------------------------


def _train(parser: Parser, options: argparse.Namespace) -> int:
    try:
        Checkpoints(OUT, options.checkpoint_every, options.keep)
        if options.resume is None:
            run = _asked_for(options)
        else:
            _refuse_a_recipe(options)
    except (ValueError, TypeError) as error:
        parser.error(str(error))
    _need_extras(plots=not options.no_plots)
    if options.resume is None:
        return _begin(options, run)
    return _go_on(options, _found(options.resume))


def _begin(options: argparse.Namespace, run: Run) -> int:
    digits = _load(run.data)
    with prepared(out := options.out or OUT):
        _fit_and_save(options, run, digits, out)
    return 0


def _go_on(options: argparse.Namespace, checkpoint: Checkpoint) -> int:
    run, directory = Run.of(checkpoint.record), checkpoint.path.resolve().parent
    digits = _load(run.data if options.data is None else options.data)
    print(f"Going on from {checkpoint.path}, after step {checkpoint.step:,}.")
    beside = directory.parent if directory.name == CHECKPOINTS else directory
    with prepared(out := options.out or beside):
        _fit_and_save(options, run, digits, out, checkpoint)
    return 0


def _found(path: Path) -> Checkpoint:
    """Read the last checkpoint of a run from its directory; it can be named itself, too."""
    inner = path / CHECKPOINTS
    try:
        return load_checkpoint(inner if inner.is_dir() else path)
    except FileNotFoundError as error:
        begin = f"a run begins without --resume: {PROGRAM} train --out {path}"
        raise FileNotFoundError(error.errno, f"{error.strerror}; {begin}", str(path)) from error


@contextmanager
def _hint(checkpoints: Checkpoints) -> Iterator[None]:
    """Say how the run goes on if it is interrupted, or files can't be written any more."""
    try:
        yield
    except (KeyboardInterrupt, OSError) as error:
        elsewhere = BlockingIOError | BrokenPipeError  # another run has it, or the output has gone
        if not isinstance(error, elsewhere) and checkpoints.paths():
            print(f"--resume {checkpoints.directory} goes on from the last checkpoint.")
        raise


def _load(data: str) -> MNIST:
    if text := advice():
        print(text)
    digits = load_mnist(data, progress=sys.stderr.isatty())
    print(digits.source)
    return digits


def _asked_for(options: argparse.Namespace) -> Run:
    """Read the run from the options; what is not given is the preset's, or else the default."""
    recipe = PRESETS[options.preset] if options.preset else Recipe()
    given = {name: getattr(options, name) for name in _FIELDS}
    recipe = recipe.changed(**{name: value for name, value in given.items() if value is not None})
    validation = options.validation
    if validation is None and options.preset:
        validation = 0
    seed = options.seed or 0
    if seed < 0:
        raise ValueError(f"seed must be 0 or more, not {seed}")
    if validation is not None and validation < 0:
        raise ValueError(f"validation must be 0 or more digits, not {validation}")
    if recipe.patience is not None and not validation:
        raise ValueError("patience needs validation digits: give --validation, such as 5000")
    data = "auto" if options.data is None else options.data
    return Run(recipe, options.preset, seed, validation, data)


def _refuse_a_recipe(options: argparse.Namespace) -> None:
    """With --resume the checkpoint says how to train, and nothing else may."""
    for name in ("preset", *_FIELDS, "validation", "seed"):
        if getattr(options, name) is not None:
            raise ValueError(f"--resume takes the run's own --{name.replace('_', '-')}")


def _fit_and_save(
    options: argparse.Namespace,
    run: Run,
    digits: MNIST,
    out: Path,
    checkpoint: Checkpoint | None = None,
) -> None:
    train, valid = _split(run, digits)
    rng = np.random.default_rng(run.seed)
    model = run.recipe.build_model(rng)
    print(model)
    directory = checkpoint.path.parent if checkpoint else out / CHECKPOINTS
    if not checkpoint and (unfinished := set_aside(out)):
        print(
            f"An unfinished run was in {out}: it is now in {unfinished}, and "
            f"--resume {unfinished} continues it."
        )
    checkpoints = Checkpoints(directory, options.checkpoint_every, options.keep, run.record())
    record = {
        "preset": run.preset,
        **asdict(run.recipe),
        "seed": run.seed,
        "validation": run.validation,
        "data": digits.kind,
        "source": digits.source,
    }
    waits = run.recipe.augment != "none"
    try:
        with _hint(checkpoints), progress(run.recipe.epochs, run.watched, waits) as callback:
            history = run.recipe.train(
                model,
                train,
                rng,
                valid=valid,
                callbacks=[callback],
                checkpoints=checkpoints,
                resume=checkpoint,
                compile=options.compile,
            )
    except DivergedError as error:
        discard(checkpoints)  # they would only lead here again
        if error.history:
            save_run(out, model, record, error.history, run.watched)
            print(f"The model of the end of epoch {error.kept} is in {out}.")
        else:
            print("Nothing was saved, because no epoch had ended.")
        raise
    with _hint(checkpoints):
        evaluation = evaluate(model, digits.test_images, digits.test_labels)
        files = save_run(out, model, record, history, run.watched)
        if not options.no_plots:
            files += save_pictures(out, model, digits, history, evaluation, run.watched)

    print(f"\ntrain loss     {history[-1].train_loss:.4f}")
    print_accuracy(evaluation)
    print(f"\nIn {out}: {', '.join(file.name for file in files)}.")
    if options.json:
        result = {
            "test_accuracy": evaluation.accuracy,
            "test_loss": evaluation.loss,
            "train_loss": history[-1].train_loss,
            "epochs": len(history),
            "seconds": sum(epoch.seconds for epoch in history),
            "waits": sum(epoch.waits for epoch in history),
            "data": digits.kind,
            "out": str(out),
        }
        print(json.dumps(result))


def _split(run: Run, digits: MNIST) -> tuple[Digits, Digits | None]:
    """Take the digits to learn from and those to watch, if any."""
    if run.validation is None:
        return digits.train, digits.test
    if not run.validation:
        return digits.train, None
    count = len(digits.train.labels)
    if run.validation >= count:
        raise ValueError(
            f"validation must leave some of the {count:,} training digits, not take "
            f"{run.validation:,}"
        )
    return split(digits.train, run.validation)


def _need_extras(plots: bool) -> None:
    """Miss what saving and drawing need before training, not after it."""
    need("safetensors.numpy", "cli", "saving a model")
    if plots:
        need("matplotlib", "cli", "drawing a picture")
    if sys.stderr.isatty():
        need("tqdm", "cli", "a progress bar")
