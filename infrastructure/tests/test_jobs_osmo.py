"""OSMO as an engine, against its routes on this machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from physai.infrastructure.jobs import WorkflowError
from physai.infrastructure.jobs.osmo import (
    Login,
    NotLoggedInError,
    OsmoEngine,
    OsmoError,
    OsmoRefusedError,
    OsmoUnreachableError,
    find_login,
)
from physai.infrastructure.jobs.remote import RemoteFailedError, UnknownHandleError, follow, split_handle
from physai.infrastructure.settings import settings
from physai.infrastructure.tests.osmo_service import Service, serving, web_token, workflow


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as service:
        yield service


@pytest.fixture
def osmo(service: Service) -> Iterator[OsmoEngine]:
    with OsmoEngine(Login(service.url, user="ada")) as engine:
        yield engine


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "w.yaml"
    path.write_text(
        "workflow:\n  name: w\n  tasks:\n  - {name: a, image: i, command: [echo, '{{ word }} {{workflow_id}}']}\n"
        "default-values: {word: hello}\n"
    )
    return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user who has no login yet."""
    monkeypatch.setenv("OSMO_CONFIG_FILE_DIR", str(tmp_path / "osmo"))
    monkeypatch.delenv("OSMO_LOGIN_TOKEN", raising=False)
    (tmp_path / "osmo").mkdir()
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


def test_a_file_is_submitted_as_it_was_written(osmo: OsmoEngine, service: Service, file: Path) -> None:
    run = osmo.submit(file, values={"word": "hi"}, environment={"A": "1"}, pool="gpus")
    assert (run.handle, run.page) == ("osmo:flywheel-7", "http://osmo/workflows/flywheel-7")
    [(method, path, query, sent)] = service.asked
    assert (method, path, query) == ("POST", "/api/pool/gpus/workflow", {"env_vars": ["A=1"]})
    assert sent == {
        "file": file.read_text(),
        "set_variables": [],
        "set_string_variables": ["word=hi"],
        "uploaded_templated_spec": None,
    }
    assert service.headers[0]["x-osmo-user"] == "ada"


def test_local_files_are_inlined_before_they_are_sent(osmo: OsmoEngine, service: Service, tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(
        "workflow:\n  name: w\n  tasks:\n  - name: a\n    image: i\n    command: [python, /tmp/a.py]\n"
        "    files:\n    - {path: /tmp/a.py, localpath: a.py}\n"
    )
    (tmp_path / "a.py").write_text("print('{{output}}')\n")
    osmo.submit(file)
    sent = service.asked[-1][3]
    assert yaml.safe_load(sent["file"])["workflow"]["tasks"][0]["files"] == [
        {"path": "/tmp/a.py", "contents": "print('{{output}}')\n"}
    ]
    assert sent["uploaded_templated_spec"] == file.read_text()


def test_without_a_pool_that_of_the_profile_is_taken(osmo: OsmoEngine, service: Service, file: Path) -> None:
    osmo.submit(file, only_validate=True)
    assert service.paths() == ["GET /api/profile/settings", "POST /api/pool/default-pool/workflow"]
    assert service.asked[-1][2]["validation_only"] == ["true"]


@pytest.mark.parametrize("profile", [None, {}, {"pool": None}])
def test_a_profile_without_a_pool_is_one_line(osmo: OsmoEngine, service: Service, file: Path, profile: object) -> None:
    service.profile = profile
    with pytest.raises(NotLoggedInError, match="your profile names no pool: pass --pool"):
        osmo.submit(file)


def test_a_broken_file_never_leaves_this_machine(osmo: OsmoEngine, service: Service, file: Path) -> None:
    file.write_text("workflow: {name: w, tasks: [{name: a, image: i}]}")
    with pytest.raises(WorkflowError, match="command: is missing"):
        osmo.submit(file)
    assert service.asked == []


def test_a_value_that_osmo_would_cut_short_is_refused(osmo: OsmoEngine, service: Service, file: Path) -> None:
    with pytest.raises(OsmoError, match="--set-env A: its value holds '='"):
        osmo.submit(file, environment={"A": "x=y"})
    assert service.asked == []


def test_a_run_is_followed_to_its_end(osmo: OsmoEngine, service: Service) -> None:
    service.states = [
        workflow("PENDING", ("a", "SUBMITTING"), ("b", "WAITING")),
        workflow("RUNNING", ("a", "RUNNING"), ("b", "WAITING")),
        workflow("FAILED", ("a", "FAILED"), ("b", "FAILED_UPSTREAM")),
    ]
    seen: list[tuple[str, str]] = []
    run = follow(osmo, "flywheel-7", lambda task: seen.append((task.name, task.status)), pause_s=0.0)
    assert seen == [
        ("a", "WAITING"), ("b", "WAITING"), ("a", "RUNNING"), ("a", "FAILED"), ("b", "FAILED_UPSTREAM")
    ]  # fmt: skip
    assert (run.status, run.tasks[0].exit_code) == ("FAILED", 3)
    with pytest.raises(RemoteFailedError, match="osmo:flywheel-7 failed: task 'a': FAILED Exit code 3"):
        run.raise_for_failure()


def test_of_a_task_that_was_tried_again_the_newest_attempt_counts(osmo: OsmoEngine, service: Service) -> None:
    answer = workflow("RUNNING", ("a", "RESCHEDULED"))
    again = {**answer["groups"][0]["tasks"][0], "retry_id": 1, "status": "RUNNING"}
    answer["groups"][0]["tasks"].insert(0, again)
    service.states = [answer]
    [task] = osmo.look("flywheel-7").tasks
    assert task.status == "RUNNING"


def test_logs_and_cancel(osmo: OsmoEngine, service: Service) -> None:
    assert "".join(osmo.logs("flywheel-7", "a")) == "2026/11/24 10:00:00 [a] hello\n"
    osmo.cancel("flywheel-7")
    assert service.paths()[-1] == "POST /api/workflow/flywheel-7/cancel"


def test_outputs_are_fetched_from_where_the_tasks_put_them(osmo: OsmoEngine, service: Service, tmp_path: Path) -> None:
    store = tmp_path / "store/flywheel-7/a"
    store.mkdir(parents=True)
    (store / "x.txt").write_text("made")
    service.spec = (
        "workflow:\n  name: w\n  tasks:\n"
        f"  - {{name: a, image: i, command: [x], outputs: [{{url: 'file://{tmp_path}/store/{{{{workflow_id}}}}/a'}}]}}\n"
        f"  - {{name: b, image: i, command: [x], outputs: [{{url: 'file://{tmp_path}/store/none'}}]}}\n"
        "  - {name: c, image: i, command: [x]}\n"
    )
    fetched = osmo.fetch("flywheel-7", tmp_path / "here")
    assert (tmp_path / "here/a/x.txt").read_text() == "made"
    assert fetched.outputs == {"a": str(tmp_path / "here/a")}
    assert fetched.left.keys() == {"b", "c"}


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (400, {"message": "Pool x not found", "error_code": "USER"}, "OSMO refused (400): Pool x not found. Mend"),
        (401, "no", "OSMO refused (401): no. Log in again"),
        (404, {"detail": "Not Found"}, "OSMO refused (404): Not Found. Check the name"),
        (500, "", "OSMO refused (500): no reason given."),
    ],
)
def test_a_refusal_is_one_line(osmo: OsmoEngine, service: Service, status: int, body: object, said: str) -> None:
    service.refuse = (status, body)
    with pytest.raises(OsmoRefusedError) as refused:
        osmo.look("flywheel-7")
    assert said in str(refused.value)
    with pytest.raises(OsmoRefusedError):
        list(osmo.logs("flywheel-7", "a"))


def test_an_answer_of_something_else_is_told(osmo: OsmoEngine, service: Service) -> None:
    service.refuse = (200, "<html>sign in</html>")
    with pytest.raises(OsmoUnreachableError, match="is a proxy in the way"):
        osmo.look("flywheel-7")
    service.refuse = (200, {"hello": 1})
    with pytest.raises(OsmoUnreachableError, match="its answer is not understood: name: Field required"):
        osmo.look("flywheel-7")


def test_nobody_answers() -> None:
    with OsmoEngine(Login("http://127.0.0.1:9", user="ada")) as osmo, pytest.raises(OsmoUnreachableError):
        osmo.look("x")


def test_an_access_token_is_exchanged_and_renewed(
    home: Path, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OSMO_LOGIN_TOKEN", "long-lived")
    with pytest.raises(NotLoggedInError, match="the address of the service is not known"):
        find_login()
    settings.cache_clear()
    monkeypatch.setenv("PHYSAI_OSMO_URL", service.url + "/")
    service.states = [workflow("RUNNING")]
    login = find_login()
    with OsmoEngine(login) as osmo:
        osmo.look("w")
        osmo.look("w")
        assert service.paths().count("POST /api/auth/jwt/access_token") == 1
        login.token = web_token(30)  # within the minute before its end
        osmo.look("w")
    assert service.paths().count("POST /api/auth/jwt/access_token") == 2
    assert service.asked[0][3] == {"token": "long-lived"}
    assert service.headers[-1]["Authorization"] == f"Bearer {login.token}"


def test_the_login_of_osmos_own_command_line_is_taken(home: Path, service: Service) -> None:
    stored = home / "osmo/login.yaml"
    with pytest.raises(NotLoggedInError, match="nobody has logged in"):
        find_login()
    stored.write_text("[]")
    with pytest.raises(NotLoggedInError, match="not a login of OSMO"):
        find_login()
    stored.write_text(yaml.safe_dump({"url": service.url, "dev_login": {"username": "ada"}}))
    assert find_login().user == "ada"
    token = {"id_token": web_token(-5), "refresh_token": "r", "refresh_url": f"{service.url}/api/auth/jwt/access_token"}
    stored.write_text(yaml.safe_dump({"url": service.url, "token_login": token, "osmo_token": True}))
    with OsmoEngine() as osmo:
        service.states = [workflow("COMPLETED")]
        assert osmo.look("w").over
    stored.write_text(yaml.safe_dump({"url": service.url, "token_login": {"id_token": web_token(-5)}}))
    with OsmoEngine() as osmo, pytest.raises(NotLoggedInError, match="the login has expired"):
        osmo.look("w")


def test_a_handle_names_engine_and_run() -> None:
    assert split_handle("osmo:flywheel-7") == ("osmo", "flywheel-7")
    assert split_handle("azureml:blue_hat_1") == ("azureml", "blue_hat_1")
    for text in ("flywheel-7", "slurm:7", "osmo:"):
        with pytest.raises(UnknownHandleError, match="names no run"):
            split_handle(text)
