"""What to tell the user about the library behind NumPy's matrix products.

NumPy's bundled OpenBLAS chooses its kernels by the processor's name, and may choose those for AVX2
on a processor that has AVX-512, at half the speed for large products. Another choice is the
user's, since forcing one has crashed some versions of OpenBLAS.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

__all__ = ["advice"]

CPU_INFO = Path("/proc/cpuinfo")
AVX2_KERNELS = ("Haswell", "Zen", "Excavator")


def advice(cpu_info: Path = CPU_INFO) -> str | None:
    """Say how matrix products may be made faster, if they may.

    Parameters
    ----------
    cpu_info
        The file in which Linux describes the processors.

    Returns
    -------
    str or None
        A sentence if the processor has AVX-512 and OpenBLAS runs AVX2 kernels. None if not, or if
        it cannot be told: threadpoolctl, which looks into OpenBLAS, comes with the extra ``cli``.
    """
    if not cpu_info.exists() or "avx512f" not in cpu_info.read_text().split():
        return None
    if find_spec("threadpoolctl") is None:
        return None
    from threadpoolctl import threadpool_info

    kernels = [
        library.get("architecture")
        for library in threadpool_info()
        if library["internal_api"] == "openblas"
    ]
    for name in kernels:
        if name in AVX2_KERNELS:
            return (
                f"OpenBLAS runs {name} kernels, and this processor has AVX-512: training may be "
                "faster with the variable OPENBLAS_CORETYPE=SKYLAKEX."
            )
    return None
