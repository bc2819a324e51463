"""The processor that a library is compiled for: what tells it from others, and its vectors."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

__all__ = ["describe_processor", "vector_bytes"]


@cache
def describe_processor() -> str:
    """Describe what a library for this processor depends on."""
    try:
        lines = Path("/proc/cpuinfo").read_text().partition("\n\n")[0].splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    wanted = ("model name", "flags", "Features", "CPU part")
    return "\n".join(line for line in lines if line.startswith(wanted))


@cache
def vector_bytes() -> int:
    """Return the length of a vector; longer ones would be split through memory."""
    words = describe_processor().split()
    return 64 if "avx512f" in words else 32 if "avx" in words else 16
