"""MLflow runs survive kills, repeats and company."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from physai.infrastructure.settings import Settings
from physai.infrastructure.tracking import RunNotFoundError, TrackingError, open_run, resume_run, system_metrics

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # inside MLflow


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """One database for all tests of this module: creating its tables takes seconds."""
    return Settings(home=tmp_path_factory.mktemp("tracking")).filled()


def test_a_run_with_the_same_key_goes_on(where: Settings) -> None:
    first = open_run("reach", "act", key="a", where=where)
    assert open_run("reach", "act", key="a", where=where).id == first.id
    assert open_run("reach", "act", key="b", where=where).id != first.id
    assert open_run("lift", "act", key="a", where=where).id != first.id


def test_a_whole_history_given_twice_is_logged_once(where: Settings) -> None:
    run = open_run("reach", "act", key="twice", where=where)
    history = [(25, 0.5), (50, 0.25)]
    assert run.log_metrics({"loss": history}) == 2
    assert run.log_metrics({"loss": history}) == 0
    assert resume_run(run.id, where).log_metrics({"loss": [*history, (75, 0.125)]}) == 1
    assert run.history("loss") == [(25, 0.5), (50, 0.25), (75, 0.125)]


def test_more_points_than_a_request_may_hold_are_all_logged(where: Settings) -> None:
    run = open_run("reach", "act", key="many", where=where)
    assert run.log_metrics({"loss": [(step, 1.0 / (step + 1)) for step in range(2500)]}) == 2500
    assert [step for step, _ in run.history("loss")] == list(range(2500))


def test_metrics_do_not_disturb_one_another(where: Settings) -> None:
    run = open_run("reach", "act", key="two", where=where)
    run.log_metrics({"loss": [(10, 1.0)]})
    assert run.log_metrics({"loss": [(10, 1.0)], "heldout_loss": [(0, 2.0), (10, 1.5)]}) == 2


def test_parameters_may_be_repeated_but_not_changed(where: Settings) -> None:
    run = open_run("reach", "act", key="params", where=where)
    run.log_params({"lr": 0.002, "steps": 1000})
    run.log_params({"lr": 0.002})
    with pytest.raises(TrackingError, match="cannot log parameters"):
        run.log_params({"lr": 0.1})


def test_a_finished_run_that_goes_on_is_running_again(where: Settings) -> None:
    from mlflow import MlflowClient

    run = open_run("reach", "act", key="status", where=where, tags={"physai.commit": "abc"})
    run.finish()
    client = MlflowClient(str(where.tracking_uri))
    assert client.get_run(run.id).info.status == "FINISHED"
    assert client.get_run(run.id).data.tags["physai.commit"] == "abc"
    resume_run(run.id, where)
    assert client.get_run(run.id).info.status == "RUNNING"


def test_what_the_machine_does_is_logged_and_goes_on_after_a_break(
    where: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.1")
    run = open_run("reach", "act", key="machine", where=where)
    ends = []
    for _ in range(2):
        with system_metrics(run):
            time.sleep(1)
        steps = [step for step, _ in run.history("system/cpu_utilization_percentage")]
        assert steps == list(range(len(steps)))
        ends.append(len(steps))
    assert 0 < ends[0] < ends[1]


def test_artifacts_are_kept_under_home(where: Settings, tmp_path: Path) -> None:
    run = open_run("reach", "act", key="artifacts", where=where)
    (tmp_path / "training.json").write_text("{}")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "curve.csv").write_text("1,2")
    run.log_file(tmp_path / "training.json")
    run.log_file(tmp_path / "folder")
    kept = {path.name for path in (where.home / "mlartifacts").rglob("*") if path.is_file()}
    assert kept == {"training.json", "curve.csv"}


def test_an_unknown_run_is_refused_by_name(where: Settings) -> None:
    with pytest.raises(RunNotFoundError, match="no run 'f00'"):
        resume_run("f00", where)


def test_an_unreachable_server_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    nowhere = Settings(tracking_uri="http://127.0.0.1:9").filled()
    with pytest.raises(TrackingError, match=r"http://127.0.0.1:9: cannot open a run .* Check the setting") as caught:
        open_run("reach", "act", key="a", where=nowhere)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_database_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("this is not SQLite, " * 100)
    with pytest.raises(TrackingError, match="cannot be opened"):
        open_run("reach", "act", key="a", where=Settings(home=tmp_path).filled())


WRITER = """
import sys
from pathlib import Path
from physai.infrastructure.settings import Settings
from physai.infrastructure.tracking import open_run

run = open_run("reach", "act", key=sys.argv[2], where=Settings(home=Path(sys.argv[1])).filled())
for end in range(10, 60, 10):
    run.log_metrics({"loss": [(step, float(step)) for step in range(end)]})
print(run.id)
"""


def test_two_processes_create_and_share_one_database(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), key], stdout=subprocess.PIPE, text=True)
        for key in ("one", "two")
    ]
    ids = [writer.communicate()[0].strip() for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    assert ids[0] != ids[1]
    where = Settings(home=tmp_path).filled()
    for run_id in ids:
        assert resume_run(run_id, where).history("loss") == [(step, float(step)) for step in range(50)]
