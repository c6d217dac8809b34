"""Laps follow one another as retrain requests ask; the workflow engine is the real one, the tasks are small."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from physai.fleet_intelligence.flywheel import laps
from physai.fleet_intelligence.flywheel.cli import QUICK
from physai.fleet_intelligence.retrain.ledger import Ledger
from physai.infrastructure.contracts import Attribution, Collection, RetrainRequest, Submission
from physai.infrastructure.jobs import Event, TaskFailedError
from physai.infrastructure.rates import rate_of

POLICY, DATASET = "sha256:" + "a" * 64, "sha256:" + "b" * 64
NEXT = {"champion": POLICY, "parent_dataset": DATASET, "task": "Isaac-Reach-UR10", "site": "plant-7", "episodes": 33}
REQUEST = RetrainRequest(
    name="retrain-1",
    requested_at=datetime(2026, 5, 4, tzinfo=UTC),
    drift="sha256:" + "d" * 64,
    policy=POLICY,
    dataset=DATASET,
    where=Attribution(level="policy", name=POLICY, inside=rate_of(5, 10), outside=None, p_value=1.0),
    pull=(),
    collect=Collection(site="plant-7", task="Isaac-Reach-UR10", episodes=33),
    submit=Submission(workflow="flywheel.yaml", values=NEXT),
)
VALUES = {"production_world": "moved-target", "seed": 4, "steps": 10}

# `retrain` keeps what it was told, and asks for retraining unless a champion says that this has been done.
LAP = """
workflow:
  name: small-lap
  tasks:
  - name: retrain
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
    return [path.read_text().strip() for path in sorted(folder.glob("lap-*/outputs/retrain/told"))]


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
    results = list(laps.spin(tmp_path / "laps", values, laps=5, on_event=nobody, ledger=Ledger(tmp_path / "ledger")))
    assert len(results) == 2
    assert told(tmp_path / "laps") == ["nominal 5 4", f"{REQUEST.policy} moved-target 33 5"]


def test_the_loop_ends_at_its_bound(tmp_path: Path, values: laps.Values) -> None:
    stubborn = {**values, "stubborn": "yes"}
    assert (
        len(list(laps.spin(tmp_path / "laps", stubborn, laps=3, on_event=nobody, ledger=Ledger(tmp_path / "ledger"))))
        == 3
    )


def test_a_second_run_is_up_to_date(tmp_path: Path, values: laps.Values) -> None:
    list(laps.spin(tmp_path / "laps", values, laps=2, on_event=nobody, ledger=Ledger(tmp_path / "ledger")))
    again = list(laps.spin(tmp_path / "laps", values, laps=2, on_event=nobody, ledger=Ledger(tmp_path / "ledger")))
    assert [result.up_to_date for result in again] == [True, True]


def test_a_request_that_waits_for_a_person_starts_no_lap_until_it_is_approved(
    tmp_path: Path, values: laps.Values
) -> None:
    ledger = Ledger(tmp_path / "ledger")
    waiting = REQUEST.model_copy(update={"needs_approval": "a person"})
    ledger.keep(waiting)
    waiting.write(tmp_path / "request.json")
    (lap,) = laps.spin(tmp_path / "laps", values, laps=2, on_event=nobody, ledger=ledger)
    assert laps.asked(lap, ledger) == waiting
    ledger.approve("retrain-1", "anna", "seen", REQUEST.requested_at)
    assert len(list(laps.spin(tmp_path / "laps", values, laps=2, on_event=nobody, ledger=ledger))) == 2
    assert told(tmp_path / "laps")[1] == f"{REQUEST.policy} moved-target 33 5"


def test_a_failed_task_is_named(tmp_path: Path, values: laps.Values) -> None:
    broken = {**values, "request": str(tmp_path / "nowhere.json")}
    with pytest.raises(TaskFailedError, match="retrain"):
        list(laps.spin(tmp_path / "laps", broken, laps=2, on_event=nobody, ledger=Ledger(tmp_path / "ledger")))


def test_the_values_of_a_small_lap_are_those_of_the_workflow() -> None:
    workflow = yaml.safe_load(laps.WORKFLOW.read_text().partition("default-values:\n")[2])
    assert set(QUICK) <= set(workflow)
    assert set(laps.next_values(VALUES, REQUEST)) <= set(workflow)
