"""Measure what the framework promises about speed, memory and accuracy: ``make bench``.

Run all sections, or name some: ``python benchmarks/step.py [import chain indexing ...]``. It prints
a table; ``--json FILE`` says where to write it, too, and the section ``peers`` writes
docs/benchmarks.md. The exit status is 1 if a figure misses what it must reach or could not be
measured.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import augmentation
import beside_peers
import indexing
import large_data
import looking_inside
import networks
import operation
import processes
import training_step
from report import BenchmarkError, Row, Skip, header, machine, write_json

from tinygrad_mnist.blas import advice

# The last ones load MNIST and PyTorch into this process: on Linux, what a parent has in memory when
# it starts a child counts towards the child's peak.
SECTIONS: dict[str, Callable[[], Iterator[Row]]] = {
    "import": processes.import_rows,
    "chain": processes.chain_rows,
    "indexing": indexing.rows,
    "study": looking_inside.rows,
    "process": processes.process_rows,
    "accuracy": processes.accuracy_rows,
    "explain": processes.explain_rows,
    "large": large_data.rows,
    "peers": beside_peers.rows,
    "step": training_step.rows,
    "wide": networks.wide_rows,
    "lenet": networks.lenet_rows,
    "augmentation": augmentation.rows,
    "operation": operation.rows,
}


def main() -> int:
    """Run the sections that the command line names and print their rows as they come."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="section", help=", ".join(SECTIONS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    arguments = parser.parse_args()
    unknown = set(arguments.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"no section {sorted(unknown)[0]!r}: choose from {', '.join(SECTIONS)}")

    if arguments.json and not arguments.json.parent.is_dir():
        parser.error(f"no directory {arguments.json.parent} to write {arguments.json.name} to")

    for name, value in machine().items():
        print(f"{name}: {value}")
    if text := advice():
        print(text)
    print(f"\n{header()}")
    rows = []
    failed = False
    for name, section in SECTIONS.items():
        if arguments.sections and name not in arguments.sections:
            continue
        try:
            for row in section():
                rows.append(row)
                print(row, flush=True)
        except Skip as reason:
            print(f"{name}: skipped: {reason}")
        except BenchmarkError as reason:
            failed = True
            print(f"{name}: failed: {reason}")
    if arguments.json:
        write_json(arguments.json, rows)
    return 1 if failed or not all(row.holds for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
