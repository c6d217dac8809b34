"""A policy behind a link, in simulated time: what every row is told, when, and how long that took.

The link is none, and every chunk is there at once, or one whose latencies were recorded on a device. Then an answer
arrives as many control steps late as its latency takes; until then the last action is held, and of the chunk, the
actions whose time has passed are left out, as the rehearsal on the device does it.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import TensorSpec
from physai.infrastructure.control import ChunkError, Infer, Memory, Observation

from .profile import DeviceProfile

STATE = "observation.state"

type InferSequences = Callable[[Observation, NDArray[np.intp], NDArray[np.bool_]], NDArray[np.float32]]
"""Observations of rows, their numbers, and whether an episode begins in each → action chunks."""


@dataclass
class EpisodeLink:
    """What one episode saw of its policy."""

    round_trips_ms: list[float] = field(default_factory=list)
    """Real ones, of the requests that this episode was part of."""
    injected_ms: list[float] = field(default_factory=list)
    """Latencies that were put in."""
    misses: int = 0
    """Control steps without a fresh action."""
    dropped: int = 0
    """Actions that were left out, for their time had passed when they came."""


class LinkedPolicy:
    """A policy that is asked once per chunk, row by row as chunks run out.

    What a row is answered, and when, depends on its own episode alone: on the number that `begin` gives it.
    """

    def __init__(
        self,
        infer: Infer,
        action_steps: int,
        num_envs: int,
        inputs: Iterable[TensorSpec] = (),
        *,
        rate_hz: float,
        profile: DeviceProfile | None = None,
        seed: int = 0,
        stands: bool = True,
        infer_sequences: InferSequences | None = None,
    ) -> None:
        """Nothing is asked yet.

        Args:
            infer: Called with the rows that need a chunk, in ascending order.
            action_steps: Actions of a chunk that are executed, at least 1.
            num_envs: Rows of every observation.
            inputs: Of the package; those with a history or of noise are made here.
            rate_hz: Control steps per second of simulated time.
            profile: Latencies to put in; None for none.
            seed: Of the latencies.
            stands: Whether a robot without any action yet is told where it was measured (absolute joint positions);
                otherwise it is told zeros.
            infer_sequences: Called in place of `infer` if the policy is stateful.
        """
        self.links: defaultdict[int, EpisodeLink] = defaultdict(EpisodeLink)
        """Episode → what it saw."""
        self._infer, self._steps, self._period_ms = infer, action_steps, 1e3 / rate_hz
        self._memory, self._profile, self._seed, self._stands = Memory(inputs, num_envs), profile, seed, stands
        self._episode = np.full(num_envs, -1)
        self._rngs = [np.random.default_rng((seed, row)) for row in range(num_envs)]
        self._age = np.zeros(num_envs, dtype=np.intp)  # control steps since the chunk in use was asked for
        self._due = np.zeros(num_envs, dtype=np.intp)  # age at which it arrives
        self._has = np.zeros(num_envs, dtype=np.bool_)  # whether a chunk is in use or on its way
        self._sequences = infer_sequences
        self._begins = np.ones(num_envs, dtype=np.bool_)  # whether the policy has not been asked in this episode
        self._held = np.zeros(num_envs, dtype=np.bool_)  # whether there is an action to hold
        self._chunk: NDArray[np.float32] | None = None  # (num_envs, action_steps, A)
        self._sent: NDArray[np.float32] | None = None  # (num_envs, A)

    def reset(self, envs: NDArray[np.intp]) -> None:
        """A new episode: nothing of the old plan, and no answer to an old question, is used."""
        self._has[envs] = False
        self._held[envs] = False
        self._begins[envs] = True
        self._memory.reset(envs)

    def begin(self, envs: NDArray[np.intp], episodes: NDArray[np.intp]) -> None:
        """Say which episode begins in which row; latencies and noise are drawn from its number."""
        self._memory.reset(envs, episodes)
        self._episode[envs] = episodes
        for env, episode in zip(envs, episodes, strict=True):
            self._rngs[env] = np.random.default_rng((self._seed, int(episode)))

    def act(self, observation: Observation) -> NDArray[np.float32]:
        """Next action of every row, shape (N, A).

        Raises:
            ChunkError: If `infer` does not answer with one long enough chunk for every row asked.
        """
        self._memory.see(observation)
        self._end_used_up()
        if (asking := np.flatnonzero(~self._has)).size:
            self._ask(observation, asking)
        assert self._chunk is not None, "every row starts without a chunk"
        assert self._sent is not None
        fresh = self._age >= self._due
        rows = np.flatnonzero(fresh)
        for row in np.flatnonzero(self._age == self._due):
            self._link(row).dropped += int(self._due[row])
        self._sent[rows] = self._chunk[rows, self._age[rows]]
        self._held[rows] = True
        self._hold(np.flatnonzero(~fresh), observation)
        self._age += 1
        return self._sent.copy()

    def _link(self, row: np.intp) -> EpisodeLink:
        return self.links[int(self._episode[row])]

    def _end_used_up(self) -> None:
        """End chunks whose last action is played, or past when it comes; one on its way is waited for."""
        ended = self._has & (self._age >= self._steps) & (self._age >= self._due)
        for row in np.flatnonzero(ended & (self._due >= self._steps)):
            self._link(row).dropped += self._steps
        self._has[ended] = False

    def _hold(self, rows: NDArray[np.intp], observation: Observation) -> None:
        """Repeat what was sent before; where nothing was, tell the robot to stand."""
        assert self._sent is not None
        for row in rows:
            self._link(row).misses += 1
            if not self._held[row]:
                self._sent[row] = observation[STATE][row] if self._stands else 0.0
                self._held[row] = True

    def _ask(self, observation: Observation, rows: NDArray[np.intp]) -> None:
        began = time.perf_counter()
        given = self._memory.recall(observation, rows)
        chunk = self._sequences(given, rows, self._begins[rows]) if self._sequences else self._infer(given)
        self._begins[rows] = False
        took_ms = (time.perf_counter() - began) * 1e3
        if chunk.ndim != 3 or chunk.shape[0] != rows.size or chunk.shape[1] < self._steps:
            raise ChunkError(chunk.shape, rows.size, self._steps)
        if self._chunk is None:
            self._chunk = np.zeros((len(self._has), self._steps, chunk.shape[2]), dtype=np.float32)
            self._sent = np.zeros((len(self._has), chunk.shape[2]), dtype=np.float32)
        self._chunk[rows] = chunk[:, : self._steps]
        self._has[rows], self._age[rows], self._due[rows] = True, 0, 0
        for row in rows:
            link = self._link(row)
            link.round_trips_ms.append(took_ms)
            if self._profile is not None:
                link.injected_ms.append(self._profile.draw_ms(self._rngs[row]))
                self._due[row] = int(link.injected_ms[-1] // self._period_ms)


def percentiles(values_ms: Sequence[float], prefix: str) -> dict[str, float]:
    """`p50` and `p99`, with a prefix; empty if there are no values."""
    return {f"{prefix}p{p}": float(np.percentile(values_ms, p)) for p in (50, 99)} if values_ms else {}


def inference_ms(link: EpisodeLink | None) -> dict[str, float]:
    """Of the real round trips of an episode."""
    return percentiles(link.round_trips_ms, "") if link else {}


def link_kpis(link: EpisodeLink | None) -> dict[str, float]:
    """What the latencies that were put in did to an episode; empty if none were."""
    if link is None or not link.injected_ms:
        return {}
    latency = {f"injected_{name}_ms": value for name, value in percentiles(link.injected_ms, "").items()}
    return {"deadline_misses": float(link.misses), "dropped_actions": float(link.dropped), **latency}
