"""What makes a task the same task, and what makes it another one."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from physai.infrastructure.jobs import code, process
from physai.infrastructure.jobs.code import code_digest
from physai.infrastructure.jobs.identity import task_key
from physai.infrastructure.jobs.spec import Task
from physai.infrastructure.jobs.tokens import Places
from physai.infrastructure.jobs.transfer import download, upload
from physai.infrastructure.storage import MissingKeyError


def task(**fields: object) -> Task:
    return Task.model_validate({"name": "t", "image": "i", "command": ["echo"], **fields})


@pytest.mark.parametrize(
    "change",
    [
        {"command": ["cat"]},
        {"args": ["x"]},
        {"environment": {"A": "1"}},
        {"files": [{"path": "/a", "contents": "x"}]},
        {"outputs": [{"url": "file:///tmp/x"}]},
        {"credentials": {"hub": {"TOKEN": "key"}}},
    ],
)
def test_another_command_or_content_is_another_task(change: dict[str, object]) -> None:
    assert task_key(task(**change), ()) != task_key(task(), ())


@pytest.mark.parametrize(
    "change",
    [
        {"name": "u"},
        {"image": "j"},
        {"resource": "big"},
        {"lead": True},
        {"exitActions": {"COMPLETE": 3}},
        {"checkpoint": [{"path": "/a", "url": "file:///x", "frequency": 5}]},
    ],
)
def test_how_and_where_it_runs_does_not_matter(change: dict[str, object]) -> None:
    assert task_key(task(**change), ()) == task_key(task(), ())


def test_another_input_is_another_task() -> None:
    reader = task(inputs=[{"task": "a"}])
    assert task_key(reader, ("one",)) != task_key(reader, ("two",))
    assert task_key(task(inputs=[{"task": "a", "regex": "x"}]), ("one",)) != task_key(reader, ("one",))


def test_a_command_reaches_its_domain_and_the_ground_floor() -> None:
    ground = "physai.infrastructure"
    assert sorted(code_digest(["physai", "contracts", "list"])) == [ground]
    assert sorted(code_digest(["bash", "-c", "cd x && physai training il train"])) == [ground, "physai.training"]
    assert sorted(code_digest(["python", "-m", "physai.evaluation.cli"])) == ["physai.evaluation", ground]
    assert code_digest(["echo", "physaix training", "physai nothing"]) == {}


def test_code_is_source_but_not_tests_documents_or_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "reached"
    for name in (
        "a.py",
        "worlds/w.json",
        "tests/test_a.py",
        "README.md",
        "workflows/x.yaml",
        ".cache/b.py",
        "__pycache__/a.py",
    ):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text("1")
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(code, "_commands", lambda: {"reached": "reached"})

    def digest() -> str:
        code._package_digest.cache_clear()
        return code_digest(["physai reached"])["reached"]

    first = digest()
    for name in ("tests/test_a.py", "README.md", "workflows/x.yaml", ".cache/b.py", "__pycache__/a.py"):
        (package / name).write_text("2")
    os.utime(package / "a.py", (0, 0))
    assert digest() == first
    (package / "worlds/w.json").write_text("2")
    second = digest()
    assert second != first
    (package / "a.py").rename(package / "b.py")
    assert digest() not in (first, second)
    code._package_digest.cache_clear()


def test_only_rooms_that_a_command_stands_on_make_its_result_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = tmp_path / "house"
    for name, text in {
        "ground/__init__.py": "",
        "ground/cli.py": "from .errors import E",
        "ground/errors.py": "",
        "ground/storage/__init__.py": "from .blob import put",
        "ground/storage/blob.py": "def f():\n    from ..keys import check",
        "ground/keys.py": "",
        "ground/keys2.py": "",
        "ground/registry/cli.py": "import house.ground.storage",
        "ground/video/data.json": "{}",
        "domain/__init__.py": "",
        "domain/work/run.py": "from house.ground import storage",
    }.items():
        (house / name).parent.mkdir(parents=True, exist_ok=True)
        (house / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(code, "GROUND_FLOOR", "house.ground")
    monkeypatch.setattr(
        code, "_commands", lambda: {"work": "house.domain.cli", "registry": "house.ground.registry.cli"}
    )

    def digest(command: str) -> str:
        code._ground_digest.cache_clear()
        code._package_digest.cache_clear()
        return code_digest(["physai", command])["house.ground"]

    def stale(name: str) -> list[str]:
        before = {command: digest(command) for command in ("work", "registry")}
        (house / name).write_text((house / name).read_text() + "\n\n")
        return [command for command, was in before.items() if digest(command) != was]

    assert stale("ground/storage/blob.py") == ["work", "registry"]
    assert stale("ground/keys.py") == ["work", "registry"]  # through storage, inside a function
    assert stale("ground/errors.py") == ["work", "registry"]  # through the command line
    assert stale("ground/registry/cli.py") == ["registry"]
    assert stale("ground/keys2.py") == []
    assert stale("ground/video/data.json") == []
    code._ground_digest.cache_clear()
    code._package_digest.cache_clear()


def places(tmp_path: Path, **fields: object) -> Places:
    return Places(
        work=tmp_path / "work",
        output=tmp_path / "out",
        workflow_id="run-7",
        uuid="abc",
        task=task(**fields),
        moved=(("/data", Path("/here")),),
        inputs=(tmp_path / "in0", tmp_path / "in1"),
    )


def test_tokens_become_what_they_mean_here(tmp_path: Path) -> None:
    here = places(tmp_path, inputs=[{"task": "make"}, {"url": "s3://b"}])
    assert here.fill("{{output}}/x {{input:1}} {{ input:make }} {{workflow_id}}-{{uuid}} {{host:t}} {{other}}") == (
        f"{tmp_path}/out/x {tmp_path}/in1 {tmp_path}/in0 run-7-abc 127.0.0.1 {{{{other}}}}"
    )


def test_container_paths_are_replaced_as_whole_paths_only(tmp_path: Path) -> None:
    here = places(tmp_path, files=[{"path": "/tmp/run.sh", "contents": ""}, {"path": "/data/own.txt", "contents": ""}])
    work = tmp_path / "work"
    assert here.fill("bash /tmp/run.sh --x=/tmp/run.sh '/tmp/run.sh', /tmp/run.sh.") == (
        f"bash {work}/tmp/run.sh --x={work}/tmp/run.sh '{work}/tmp/run.sh', {work}/tmp/run.sh."
    )
    untouched = "/tmp/run.sh.bak /tmp/run.shx /var/tmp/run.sh {{output}}/data ./data /database"
    assert here.fill(untouched) == untouched.replace("{{output}}", str(tmp_path / "out"))
    assert here.fill("/data/a /data /data/own.txt") == f"/here/a /here {work}/data/own.txt"


def test_nothing_at_a_url_is_refused_unless_this_run_writes_there(tmp_path: Path) -> None:
    url = (tmp_path / "nowhere").as_uri()
    with pytest.raises(MissingKeyError):
        download(url, "", tmp_path / "to", may_be_empty=False)
    download(url, "", tmp_path / "to", may_be_empty=True)
    assert list((tmp_path / "to").iterdir()) == []


def test_a_download_removes_what_is_gone_and_the_digest_is_that_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "from/deep").mkdir(parents=True)
    (tmp_path / "from/a").write_text("A")
    (tmp_path / "from/deep/b").write_text("B")
    url = (tmp_path / "from").as_uri()
    first = download(url, "", tmp_path / "to", may_be_empty=False)
    assert upload(tmp_path / "to", "", (tmp_path / "copy").as_uri()) == first
    (tmp_path / "from/deep/b").unlink()
    assert download(url, "", tmp_path / "to", may_be_empty=False) != first
    assert [path.name for path in (tmp_path / "to").rglob("*") if path.is_file()] == ["a"]


def test_orphans_are_known_by_their_environment(tmp_path: Path) -> None:
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    ours = subprocess.Popen(sleep, env={process.MARK: "run-1/t"}, start_new_session=True)
    other = subprocess.Popen(sleep, env={process.MARK: "run-2/t"}, start_new_session=True)
    try:
        assert process.end_orphans("run-1") == 1
        assert not psutil.pid_exists(ours.pid)
        assert other.poll() is None
        assert process.end_orphans("run-1") == 0
    finally:
        other.kill()
        other.wait()
        ours.wait()
