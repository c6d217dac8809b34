import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from physai.data_management.errors import SplitError
from physai.data_management.tools.split import Candidate, split


def candidates(*counts, heldout=()):
    """One dataset per count; each episode has its own origin."""
    return [
        Candidate(dataset, episode, f"sha256:{dataset}-{episode}", (dataset, episode) in heldout)
        for dataset, count in enumerate(counts)
        for episode in range(count)
    ]


def test_every_source_gives_the_same_fraction():
    train, held = split(candidates(20, 10), 0.1, seed=0)
    assert [sum(c.dataset == number for c in held) for number in (0, 1)] == [2, 1]
    assert len(train) == 27


def test_the_seed_chooses():
    assert split(candidates(20), 0.2, seed=1) == split(candidates(20), 0.2, seed=1)
    assert split(candidates(20), 0.2, seed=1) != split(candidates(20), 0.2, seed=2)


def test_what_was_held_out_stays_held_out():
    train, held = split(candidates(10, 10, heldout={(1, 3), (1, 4), (1, 5)}), 0.1, seed=0)
    assert [c.episode for c in held if c.dataset == 1] == [3, 4, 5]
    assert sum(c.dataset == 0 for c in held) == 1
    assert len(train) == 16


def test_copies_of_one_recording_are_on_one_side():
    copies = [Candidate(0, episode, f"sha256:{episode % 5}", False) for episode in range(15)]
    train, held = split(copies, 0.2, seed=3)
    assert len(held) == 3  # 1 of 5 recordings, 3 copies each
    assert not {c.origin for c in train} & {c.origin for c in held}


def test_a_side_must_not_be_empty():
    with pytest.raises(SplitError, match="1 episodes"):
        split(candidates(1), 0.1, seed=0)
    assert split(candidates(1), 0.0, seed=0) == (candidates(1), [])


@given(
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from("abcdefgh"), st.booleans()), min_size=1, max_size=30),
    st.floats(0, 0.9),
    st.integers(0, 5),
)
def test_no_episode_is_lost_and_no_recording_is_on_both_sides(episodes, heldout, seed):
    pool = [Candidate(d, i, f"sha256:{origin}", held) for i, (d, origin, held) in enumerate(episodes)]
    try:
        train, held = split(pool, heldout, seed)
    except SplitError:
        assume(False)
        return
    assert sorted([*train, *held], key=lambda c: c.episode) == pool
    assert not {c.origin for c in train} & {c.origin for c in held}
    assert all(c in held for c in pool if c.heldout)
