"""The commands ``evaluate`` and ``predict``: what a saved model has learned."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from tinygrad_mnist.cli.loading import load_recogniser
from tinygrad_mnist.cli.parsing import Parser, data_option
from tinygrad_mnist.cli.printing import percent, print_accuracy, print_confusion, print_error
from tinygrad_mnist.data import load_mnist
from tinygrad_mnist.data.image import read_image
from tinygrad_mnist.model_files import read_record
from tinygrad_mnist.training import evaluate, predict

__all__ = ["add_commands"]

BAR = 30  # characters for a probability of 1


def add_commands(commands: Any, common: Parser) -> None:
    """Add the two commands to the command line."""
    model = Parser(add_help=False)
    model.add_argument("model", metavar="MODEL", type=Path, help="a model.safetensors of 'train'")

    text = "examine a saved model on the test digits"
    command = commands.add_parser(
        "evaluate", parents=[model, data_option("auto"), common], help=text, description=text
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


def _evaluate(options: argparse.Namespace) -> int:
    model = load_recogniser(options.model)
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
    print_accuracy(evaluation)
    print_confusion(evaluation)
    return 0


def _predict(options: argparse.Namespace) -> int:
    model = load_recogniser(options.model)
    status = 0
    for path in options.images:
        try:
            image = read_image(path)
        except (OSError, ValueError) as error:
            if options.debug:
                raise
            print_error(error)
            status = 1
            continue
        (probabilities,) = predict(model, image[None])
        answer = int(probabilities.argmax())
        print(f"{path}: {answer}")
        for digit, probability in enumerate(probabilities):
            print(f"  {digit}  {percent(probability)}  {'#' * round(BAR * probability)}".rstrip())
    return status
