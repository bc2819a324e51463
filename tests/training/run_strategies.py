"""What Hypothesis draws for the tests of training: seeds, and the options of a small run."""

from hypothesis import strategies as st
from small_runs import GENERATORS, NETWORKS, OPTIMISERS, SCHEDULES, Options

SEEDS = st.integers(0, 2**32 - 1)
OPTIONS = st.builds(
    Options,
    seed=st.integers(0, 1000),
    generator=st.sampled_from(GENERATORS),
    optimiser=st.sampled_from(list(OPTIMISERS)),
    schedule=st.sampled_from(list(SCHEDULES)),
    network=st.sampled_from(NETWORKS),
    augment=st.booleans(),
    average=st.booleans(),
    loss=st.sampled_from(["none", "wavering"]),
    clip=st.sampled_from(["none", "clip_norm", "clip_value"]),
    valid=st.booleans(),
    patience=st.none() | st.integers(1, 2),
    epochs=st.integers(1, 4),
    batch_size=st.integers(4, 20),
)
