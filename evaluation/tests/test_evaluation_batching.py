"""Requests of several clients in one run of the graph: fewer runs, the same answers, each its own failure."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

from physai.evaluation.errors import EvaluationError
from physai.evaluation.examples.classic_control import PENDULUM, swinging
from physai.evaluation.sil.batcher import Batcher
from physai.evaluation.sil.conditions import create_conditions
from physai.evaluation.sil.entrants import read_entrants
from physai.evaluation.sil.evaluate import Plan, evaluate
from physai.evaluation.sil.host import PolicyHost
from physai.evaluation.sil.protocol import Tensors
from physai.evaluation.sil.served import ServedPolicy
from physai.evaluation.sil.server import running
from physai.infrastructure.contracts import World

CLIENTS = 6


class Doubling:
    """Doubles; fails if a negative number is among what it is given."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def infer(self, inputs: Tensors) -> Tensors:
        self.sizes.append(len(inputs["x"]))
        if (inputs["x"] < 0).any():
            raise EvaluationError("the graph failed")
        return {"y": inputs["x"] * 2}


def all_at_once(batcher: Batcher, values: list[int]) -> list[list[float] | str]:
    """What each client is told, client i asking i + 1 rows of its value."""
    barrier = Barrier(len(values))

    def ask(index: int, value: int) -> list[float] | str:
        barrier.wait()
        try:
            return list(batcher.infer({"x": np.full(index + 1, value, np.float32)})["y"].tolist())
        except EvaluationError as error:
            return str(error)

    with ThreadPoolExecutor(len(values)) as pool:
        return list(pool.map(ask, range(len(values)), values))


def test_requests_that_come_together_are_one_run_and_each_gets_its_rows() -> None:
    graph = Doubling()
    rows = sum(range(1, CLIENTS + 1))
    answers = all_at_once(Batcher(graph.infer, wait_s=30.0, max_rows=rows), list(range(CLIENTS)))
    assert answers == [[2.0 * value] * (value + 1) for value in range(CLIENTS)]
    assert graph.sizes == [rows]  # all were there, so nobody waited for the 30 s


def test_one_that_fails_does_not_fail_the_others() -> None:
    graph = Doubling()
    answers = all_at_once(Batcher(graph.infer, wait_s=30.0, max_rows=6), [1, -1, 3])
    assert answers == [[2.0], "the graph failed", [6.0, 6.0, 6.0]]


def test_an_error_that_nobody_foresaw_reaches_everyone_who_waits() -> None:
    def out_of_memory(inputs: Tensors) -> Tensors:
        raise MemoryError

    batcher = Batcher(out_of_memory, wait_s=30.0, max_rows=3)
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(batcher.infer, {"x": np.ones(1, np.float32)}) for _ in range(3)]
        assert [type(one.exception(timeout=10)) for one in asked] == [MemoryError] * 3


def test_a_request_that_stays_alone_waits_no_longer_than_it_may() -> None:
    graph = Doubling()
    assert Batcher(graph.infer, wait_s=0.01).infer({"x": np.ones(1, np.float32)})["y"].tolist() == [2.0]
    assert graph.sizes == [1]


def test_clients_of_one_host_get_the_outcomes_that_they_get_alone(tmp_path: Path) -> None:
    package = swinging(tmp_path / "swinging")
    options = {"episodes": 4, "seed": 3, "horizon_s": 0.5, "success": "return >= -100"}
    conditions = create_conditions(PENDULUM, World(name="nominal"), **options)
    entrants = read_entrants({"candidate": package})
    host = PolicyHost([ServedPolicy.load(package, "candidate")], batch_wait_s=0.005)

    def play(url: str | None, name: str) -> list[tuple[bool, int, dict[str, float]]]:
        plan = Plan(conditions, entrants, False, url, 10.0, 2)
        (result,) = evaluate(plan, tmp_path / name, lambda *_: None).policies
        return [(e.success, e.steps, e.kpis) for e in result.episodes]

    with running(host) as url, ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda number: play(url, f"together{number}"), range(3)))
    for (success, steps, kpis), *others in zip(play(None, "alone"), *together, strict=True):
        for other in others:
            assert other == (success, steps, pytest.approx(kpis, rel=1e-5))
