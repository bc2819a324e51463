"""Optional packages: imported where they are used, and missed with a helpful sentence."""

from importlib import import_module
from types import ModuleType

__all__ = ["need"]


def need(module: str, extra: str, purpose: str) -> ModuleType:
    """Import an optional package, or say which extra installs it.

    Parameters
    ----------
    module
        What to import, such as ``"PIL.Image"``.
    extra
        The extra of this distribution that brings it, such as ``"cli"``.
    purpose
        What it is needed for; the sentence begins with it.

    Raises
    ------
    ImportError
        If the package is not installed. The message names the extra.

    Examples
    --------
    >>> need("json", "cli", "writing settings").__name__
    'json'
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != module.partition(".")[0]:
            raise  # the package is there; something inside it is not
        package = module.partition(".")[0]
        raise ImportError(
            f"{purpose} needs the package {package}: pip install 'tinygrad-mnist[{extra}]'"
        ) from None
