"""The command ``explain``: a page that steps through one digit, forward and back."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinygrad_mnist import nn
from tinygrad_mnist.atomic import atomic_write
from tinygrad_mnist.cli.loading import load_recogniser
from tinygrad_mnist.cli.parsing import PROGRAM, Parser, data_option
from tinygrad_mnist.cli.train import OUT
from tinygrad_mnist.data import load_mnist
from tinygrad_mnist.data.image import read_image
from tinygrad_mnist.training import predict

__all__ = ["add_command"]

LATEST = OUT / "model.safetensors"
LOOKED_AT = 100  # test digits, among which one is chosen if none is named


class _Subject(NamedTuple):
    """The digit that is explained: its image, what it shows if that is known, and its name."""

    image: NDArray[np.uint8]
    label: int | None
    name: str


def add_command(commands: Any, common: Parser) -> None:
    """Add ``explain`` to the command line."""
    text = "write a page that shows how a model reads one digit, and how its gradients come about"
    command = commands.add_parser(
        "explain",
        parents=[data_option("auto"), common],
        help=text,
        description=f"{text}. It is one HTML file that needs no network.",
    )
    command.set_defaults(run=lambda options: _explain(command, options))
    command.add_argument(
        "--model",
        type=Path,
        metavar="MODEL",
        help=f"a model.safetensors of 'train' (default: {LATEST})",
    )
    which = command.add_mutually_exclusive_group()
    which.add_argument(
        "--digit",
        type=int,
        metavar="N",
        help=f"the test digit to show, from 0 on (default: of the first {LOOKED_AT}, the one of "
        "which the model is least sure)",
    )
    which.add_argument(
        "--image", type=Path, metavar="IMAGE", help="a picture of one handwritten digit instead"
    )
    command.add_argument(
        "--label",
        type=int,
        choices=range(10),
        metavar="D",
        help="which digit the picture shows (default: what the model takes it for)",
    )
    command.add_argument(
        "--out",
        type=_file,
        default=Path("explain.html"),
        metavar="FILE",
        help="where to write the page (default: explain.html)",
    )


def _file(name: str) -> Path:
    if not name:
        raise argparse.ArgumentTypeError("expected the name of a file, found nothing")
    return Path(name)


def _explain(parser: Parser, options: argparse.Namespace) -> int:
    if options.label is not None and options.image is None:
        parser.error("--label belongs to --image; a test digit has its own label")
    # Formulas, graph and page: nothing that the other commands should wait for.
    from tinygrad_mnist.study.explain import explain_page

    with atomic_write(options.out) as file:  # which may fail, so that it comes before the work
        model = _model(options.model)
        subject = _picture(options) if options.image is not None else _test_digit(model, options)
        page = explain_page(model, subject.image, subject.label, subject.name)
        file.write(page.encode())
    answer = int(predict(model, subject.image[None]).argmax())
    is_known = f" is a {subject.label};" if subject.label is not None else ":"
    print(f"{subject.name}{is_known} the model takes it for a {answer}.")
    print(f"In {options.out}: the page that explains it. Open it in a browser.")
    return 0


def _model(path: Path | None) -> nn.Sequential:
    try:
        return load_recogniser(path or LATEST)
    except FileNotFoundError as error:
        if path is not None:
            raise
        hint = f"'{PROGRAM} train' makes one, or name another with --model"
        raise FileNotFoundError(error.errno, f"{error.strerror}; {hint}", str(LATEST)) from error


def _picture(options: argparse.Namespace) -> _Subject:
    return _Subject(read_image(options.image), options.label, options.image.name)


def _test_digit(model: nn.Sequential, options: argparse.Namespace) -> _Subject:
    digits = load_mnist(options.data, progress=sys.stderr.isatty())
    images, labels = digits.test
    number = options.digit
    if number is None:
        number = int(predict(model, images[:LOOKED_AT]).max(axis=1).argmin())
    if not 0 <= number < len(labels):
        raise ValueError(
            f"there is no test digit {number}; expected a number from 0 to {len(labels) - 1:,}"
        )
    print(digits.source)
    return _Subject(images[number], int(labels[number]), f"Test digit {number}")
