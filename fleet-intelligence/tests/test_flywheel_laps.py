"""Laps follow one another as retrain requests ask; the workflow engine is the real one, the tasks are small."""

from pathlib import Path

import pytest
import yaml

from physai.fleet_intelligence.flywheel import laps
from physai.fleet_intelligence.flywheel.cli import QUICK
from physai.infrastructure.contracts import Collection, RetrainRequest
from physai.infrastructure.jobs import Event, TaskFailedError

REQUEST = RetrainRequest(
    drift="sha256:" + "d" * 64,
    policy="sha256:" + "a" * 64,
    dataset="sha256:" + "b" * 64,
    events=("robot-1/3",),
    collect=Collection(site="plant-7", task="Isaac-Reach-UR10", episodes=33),
)
VALUES = {"production_world": "moved-target", "seed": 4, "steps": 10}

# `detect` keeps what it was told, and asks for retraining unless a champion says that this has been done.
LAP = """
workflow:
  name: small-lap
  tasks:
  - name: detect
    image: none
    command: [bash, -c]
    args:
    - |
      echo "{{ champion }} {{ world }} {{ episodes }} {{ seed }}" > {{output}}/told
      {% if not champion or stubborn %}cp {{ request }} {{output}}/retrain-request.json{% endif %}
default-values:
  champion: ""
  parent_dataset: ""
  world: nominal
  production_world: nominal
  task: none
  site: none
  episodes: 5
  steps: 1
  seed: 0
  request: none
  stubborn: ""
"""


@pytest.fixture
def values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> laps.Values:
    workflow = tmp_path / "lap.yaml"
    workflow.write_text(LAP)
    monkeypatch.setattr(laps, "WORKFLOW", workflow)
    return {**VALUES, "request": str(REQUEST.write(tmp_path / "request.json"))}


def told(folder: Path) -> list[str]:
    return [path.read_text().strip() for path in sorted(folder.glob("lap-*/outputs/detect/told"))]


def nobody(_event: Event) -> None:
    """Hear nothing."""


def test_a_request_fills_in_the_next_lap() -> None:
    assert laps.next_values(VALUES, REQUEST) == {
        "champion": REQUEST.policy,
        "parent_dataset": REQUEST.dataset,
        "world": "moved-target",
        "task": "Isaac-Reach-UR10",
        "site": "plant-7",
        "episodes": 33,
        "seed": 5,
        "production_world": "moved-target",
        "steps": 10,
    }


def test_the_loop_ends_when_nothing_more_is_asked(tmp_path: Path, values: laps.Values) -> None:
    results = list(laps.spin(tmp_path / "laps", values, laps=5, on_event=nobody))
    assert len(results) == 2
    assert told(tmp_path / "laps") == ["nominal 5 4", f"{REQUEST.policy} moved-target 33 5"]


def test_the_loop_ends_at_its_bound(tmp_path: Path, values: laps.Values) -> None:
    stubborn = {**values, "stubborn": "yes"}
    assert len(list(laps.spin(tmp_path / "laps", stubborn, laps=3, on_event=nobody))) == 3


def test_a_second_run_is_up_to_date(tmp_path: Path, values: laps.Values) -> None:
    list(laps.spin(tmp_path / "laps", values, laps=2, on_event=nobody))
    again = list(laps.spin(tmp_path / "laps", values, laps=2, on_event=nobody))
    assert [result.up_to_date for result in again] == [True, True]


def test_a_failed_task_is_named(tmp_path: Path, values: laps.Values) -> None:
    broken = {**values, "request": str(tmp_path / "nowhere.json")}
    with pytest.raises(TaskFailedError, match="detect"):
        list(laps.spin(tmp_path / "laps", broken, laps=2, on_event=nobody))


def test_the_values_of_a_small_lap_are_those_of_the_workflow() -> None:
    workflow = yaml.safe_load(laps.WORKFLOW.read_text().partition("default-values:\n")[2])
    assert set(QUICK) <= set(workflow)
    assert set(laps.next_values(VALUES, REQUEST)) <= set(workflow)
