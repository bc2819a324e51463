"""The peers, each loaded when the first test asks for it, and skipped where it isn't installed."""

import importlib

import pytest
from peers.foreign import Peer


@pytest.fixture(scope="session", params=["torch", "jax"])
def peer(request: pytest.FixtureRequest) -> Peer:
    pytest.importorskip(request.param, reason="the extra `peers` brings what to compare with")
    return importlib.import_module(f"peers.with_{request.param}").PEER
