"""What the refusals of all families have in common: each is one clear sentence."""

from collections.abc import Callable
from typing import Any

import pytest

__all__ = ["check_refusal"]


def check_refusal(
    call: Callable[..., Any],
    error: type[Exception] | tuple[type[Exception], ...],
    sentence: str,
    *inputs: Any,
) -> None:
    """Check that a call is refused by one sentence, given how it begins."""
    with pytest.raises(error) as caught:
        call(*inputs)
    message = str(caught.value)
    assert message.startswith(sentence), message
    assert "\n" not in message
