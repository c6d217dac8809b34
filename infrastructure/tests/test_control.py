"""Action chunks are played in order, row by row, and asked for only when needed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from physai.infrastructure.contracts import TensorSpec
from physai.infrastructure.control import ChunkedPolicy, ChunkError, Memory, Observation

Floats = np.ndarray


class Counting:
    """Answers with chunks whose actions say for which row, in which answer, at which place they are."""

    def __init__(self, chunk: int) -> None:
        self.chunk = chunk
        self.asked: list[list[int]] = []

    def __call__(self, observation: Observation) -> Floats:
        rows = observation["observation.state"][:, 0].astype(int).tolist()
        self.asked.append(rows)
        answer = np.empty((len(rows), self.chunk, 3), np.float32)
        for place, row in enumerate(rows):
            for k in range(self.chunk):
                answer[place, k] = (row, len(self.asked) - 1, k)
        return answer


def observation(num_envs: int) -> Observation:
    """Row i is seen as i."""
    return {"observation.state": np.arange(num_envs, dtype=np.float32)[:, None]}


def test_a_chunk_is_played_before_the_next_is_asked_for() -> None:
    infer = Counting(chunk=5)
    policy = ChunkedPolicy(infer, action_steps=2, num_envs=1)
    places = [policy.act(observation(1))[0].tolist() for _ in range(4)]
    assert places == [[0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 1, 1]]


def test_a_reset_row_is_asked_for_alone() -> None:
    infer = Counting(chunk=4)
    policy = ChunkedPolicy(infer, action_steps=4, num_envs=3)
    policy.act(observation(3))
    policy.reset(np.array([1]))
    actions = policy.act(observation(3))
    assert infer.asked == [[0, 1, 2], [1]]
    assert actions.tolist() == [[0, 0, 1], [1, 1, 0], [2, 0, 1]]


@pytest.mark.parametrize("shape", [(2, 4, 3), (1, 1, 3), (1, 3)])
def test_an_answer_that_is_no_batch_of_chunks_is_refused(shape: tuple[int, ...]) -> None:
    policy = ChunkedPolicy(lambda _: np.zeros(shape, np.float32), action_steps=2, num_envs=1)
    with pytest.raises(ChunkError, match="action_steps"):
        policy.act(observation(1))


@given(
    steps=st.integers(1, 5),
    spare=st.integers(0, 3),
    resets=st.lists(st.sets(st.integers(0, 3)), min_size=1, max_size=30),
)
def test_every_row_plays_its_own_chunks_in_order(steps: int, spare: int, resets: list[set[int]]) -> None:
    """Against a model: each row counts its own place, and starts a new answer when it runs out or is reset."""
    infer = Counting(chunk=steps + spare)
    policy = ChunkedPolicy(infer, action_steps=steps, num_envs=4)
    place = dict.fromkeys(range(4), steps)
    answer: dict[int, int] = {}
    for reset in resets:
        policy.reset(np.array(sorted(reset), dtype=np.intp))
        place |= dict.fromkeys(reset, steps)
        wanted = sorted(row for row in range(4) if place[row] == steps)
        action = policy.act(observation(4))
        if wanted:
            assert infer.asked[-1] == wanted
            answer |= dict.fromkeys(wanted, len(infer.asked) - 1)
            place |= dict.fromkeys(wanted, 0)
        assert action.tolist() == [[row, answer[row], place[row]] for row in range(4)]
        place = {row: place[row] + 1 for row in range(4)}


STATE = "observation.state"


def test_a_history_begins_with_its_first_observation_and_ends_with_the_newest() -> None:
    """Two arms, three steps back; the second arm starts anew at step 2."""
    memory = Memory([TensorSpec(name=STATE, dtype="float32", shape=(3, 1), history=3)], num_envs=2)
    seen = [[[1], [10]], [[2], [20]], [[3], [30]], [[4], [40]]]
    for step, values in enumerate(seen):
        if step == 2:
            memory.reset(np.array([1]))
        memory.see({STATE: np.array(values, np.float32)})
    given = memory.recall({STATE: np.array(seen[-1], np.float32)}, np.array([0, 1]))[STATE]
    assert given[:, :, 0].tolist() == [[2, 3, 4], [30, 30, 40]]


def test_a_chunk_that_is_asked_for_late_has_seen_every_step() -> None:
    """Chunks of two actions; the second one is asked for at step 2, and step 1 is in its history."""
    asked: list[list[float]] = []

    def infer(given: Observation) -> Floats:
        asked.append(given[STATE][0, :, 0].tolist())
        return np.zeros((1, 2, 3), np.float32)

    policy = ChunkedPolicy(infer, 2, 1, [TensorSpec(name=STATE, dtype="float32", shape=(2, 1), history=2)])
    for step in range(3):
        policy.act({STATE: np.full((1, 1), step, np.float32)})
    assert asked == [[0, 0], [1, 2]]


def test_noise_is_standard_normal_and_new_for_each_chunk() -> None:
    memory = Memory([TensorSpec(name="noise", dtype="float32", shape=(16, 6), noise=True)], num_envs=100)
    first, second = (memory.recall({}, np.arange(100))["noise"] for _ in range(2))
    assert first.shape == (100, 16, 6)
    assert abs(first.mean()) < 0.05
    assert abs(first.std() - 1) < 0.05
    assert not np.array_equal(first, second)
