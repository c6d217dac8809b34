"""What a unit gets of a machine, and in which order units may run."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from physai.infrastructure.jobs import Event, Status, TaskChanged, run_workflow
from physai.infrastructure.jobs.machine import Machine, this_machine, thread_variables
from physai.infrastructure.jobs.plan import make_plan
from physai.infrastructure.jobs.spec import Workflow
from physai.infrastructure.settings import settings

GIB = 2**30
LAPTOP = Machine(cores=2, memory_bytes=8 * GIB)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PHYSAI_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    yield
    settings.cache_clear()


def group(*cpus: int, memory: str = "1Gi") -> Workflow:
    members = [
        {"name": f"m{i}", "image": "i", "command": ["x"], "resource": f"r{i}", "lead": i == 0} for i in range(len(cpus))
    ]
    resources = {f"r{i}": {"cpu": cpu, "memory": memory} for i, cpu in enumerate(cpus)}
    return Workflow.model_validate({"name": "w", "resources": resources, "groups": [{"name": "g", "tasks": members}]})


def cores(workflow: Workflow, machine: Machine) -> list[int]:
    return [share.cores for share in make_plan(workflow, machine).units[0].shares.values()]


def test_a_unit_that_fits_gets_what_it_asks_for() -> None:
    assert cores(group(1, 1), LAPTOP) == [1, 1]
    assert cores(group(4, 3), Machine(8, GIB * 8)) == [4, 3]


def test_a_unit_that_is_too_large_is_shrunk_in_proportion() -> None:
    assert cores(group(12, 4), Machine(8, GIB * 8)) == [6, 2]  # 8 cores for 16: half of each
    assert cores(group(8), LAPTOP) == [2]


def test_every_member_of_a_group_gets_a_core_even_if_there_are_fewer() -> None:
    assert cores(group(2, 2, 2, 2), LAPTOP) == [1, 1, 1, 1]


def test_memory_is_shared_in_proportion_too() -> None:
    shares = make_plan(group(1, 1, memory="12Gi"), LAPTOP).units[0].shares
    assert [share.memory_bytes for share in shares.values()] == [4 * GIB, 4 * GIB]  # 8 Gi for 24: a third of each


def test_this_machine_has_something_to_give() -> None:
    machine = this_machine()
    assert machine.cores >= 1
    assert machine.memory_bytes > GIB


def test_the_limits_of_a_container_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpu.max").write_text("100000 100000\n")
    (tmp_path / "memory.max").write_text(f"{GIB}\n")
    monkeypatch.setattr("physai.infrastructure.jobs.machine.CGROUP", tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,GPU-8932f937")
    assert this_machine.__wrapped__() == Machine(1, GIB, ("0", "GPU-8932f937"))
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    unlimited = this_machine.__wrapped__()
    assert unlimited.memory_bytes > GIB
    assert unlimited.gpus == ()


def test_libraries_start_no_more_threads_than_the_task_has_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "16")
    monkeypatch.setenv("NUMBA_NUM_THREADS", "2")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    threads = thread_variables(4)
    assert (threads["OMP_NUM_THREADS"], threads["NUMBA_NUM_THREADS"], threads["MKL_NUM_THREADS"]) == ("4", "2", "4")


Graph = list[list[int]]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Inputs of each task, which are tasks before it."""
    size = draw(st.integers(1, 7))
    return [sorted(draw(st.sets(st.integers(0, i - 1), max_size=3))) if i else [] for i in range(size)]


def depth(graph: Graph, task: int) -> int:
    return 1 + max((depth(graph, before) for before in graph[task]), default=-1)


def tasks_of(graph: Graph) -> list[dict[str, object]]:
    return [
        {
            "name": f"t{task}",
            "image": "i",
            "command": [
                "bash",
                "-c",
                f"cat {{{{output}}}}/../t*/done 2> /dev/null | sort; echo t{task} > {{{{output}}}}/done",
            ],
            "inputs": [{"task": f"t{before}"} for before in before_it],
        }
        for task, before_it in enumerate(graph)
    ]


@given(graphs())
def test_a_task_is_one_wave_after_the_last_of_its_inputs(graph: Graph) -> None:
    workflow = Workflow.model_validate({"name": "w", "tasks": tasks_of(graph)})
    waves = make_plan(workflow, LAPTOP).waves()
    where = {unit.name: number for number, wave in enumerate(waves) for unit in wave}
    assert where == {f"t{task}": depth(graph, task) for task in range(len(graph))}


@hypothesis_settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(graph=graphs(), broken=st.integers(0, 20))
def test_any_graph_runs_in_a_legal_order(tmp_path_factory: pytest.TempPathFactory, graph: Graph, broken: int) -> None:
    folder = tmp_path_factory.mktemp("graph")
    tasks = tasks_of(graph)
    if broken < len(graph):
        tasks[broken]["command"] = ["false"]
    (folder / "w.yaml").write_text("workflow: " + json.dumps({"name": "w", "tasks": tasks}))
    events: list[Event] = []
    result = run_workflow(folder / "w.yaml", run_dir=folder / "run", on_event=events.append, machine=LAPTOP)
    over: set[str] = set()
    for event in events:
        if isinstance(event, TaskChanged) and event.status is Status.RUNNING:
            assert {f"t{before}" for before in graph[int(event.task[1:])]} <= over
        if isinstance(event, TaskChanged) and event.status is Status.COMPLETED:
            over.add(event.task)
    doomed = {task for task in range(len(graph)) if reaches(graph, task, broken)}
    assert {name for name, task in result.tasks.items() if task.status is Status.COMPLETED} == {
        f"t{task}" for task in set(range(len(graph))) - doomed
    }
    for name in over:
        seen = set((folder / f"run/logs/{name}.log").read_text().split())
        assert {f"t{before}" for before in graph[int(name[1:])]} <= seen


def reaches(graph: Graph, task: int, target: int) -> bool:
    return task == target or any(reaches(graph, before, target) for before in graph[task])
