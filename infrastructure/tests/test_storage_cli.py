import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from physai.infrastructure.contracts import digest_bytes
from physai.infrastructure.errors import MissingFileError
from physai.infrastructure.storage import BadUriError, MissingKeyError
from physai.infrastructure.storage.cli import app

ABC = digest_bytes(b"abc")


def run(*words: str) -> str:
    result = CliRunner().invoke(app, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_file_goes_to_a_store_and_comes_back(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    store = (tmp_path / "store").as_uri()
    assert json.loads(run("cp", str(tmp_path / "a"), f"{store}/reach/a", "--json")) == {
        "digest": ABC,
        "target": f"{store}/reach/a",
    }
    assert run("digest", f"{store}/reach/a") == f"{ABC}\n"
    assert run("cp", f"{store}/reach/a", f"{store}/copy") == f"{ABC}\n"
    assert run("cp", f"{store}/copy", str(tmp_path / "b")) == f"{ABC}\n"
    assert (tmp_path / "b").read_bytes() == b"abc"
    assert [stored["key"] for stored in json.loads(run("ls", store, "--json"))["files"]] == ["copy", "reach/a"]
    assert "reach/a" in run("ls", store)


def test_a_folder_is_synced_in_either_direction(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a").write_bytes(b"abc")
    store = (tmp_path / "store").as_uri()
    assert run("sync", str(tmp_path / "set"), store) == "1 copied (3 bytes), 0 equal already\n"
    assert json.loads(run("sync", store, str(tmp_path / "copy"), "--json"))["transferred"] == ["a"]
    assert run("sync", store, str(tmp_path / "copy")) == "0 copied (0 bytes), 1 equal already\n"


def test_a_sync_between_two_stores_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadUriError, match="one side of a sync is a local folder"):
        run("sync", (tmp_path / "a").as_uri(), (tmp_path / "b").as_uri())


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingKeyError, match="no file 'a'"):
        run("digest", str(tmp_path / "a"))
    with pytest.raises(BadUriError, match="names no file"):
        run("digest", f"{tmp_path}/")


def test_a_secret_in_a_uri_is_not_printed(tmp_path: Path) -> None:
    with pytest.raises(BadUriError) as caught:
        run("cp", str(tmp_path / "a"), "https://example.org/container/a?sig=SECRET")
    assert "SECRET" not in str(caught.value)


def test_a_folder_that_is_not_there_is_not_an_empty_one(tmp_path: Path) -> None:
    failed = CliRunner().invoke(app, ["ls", str(tmp_path / "nowhere")])
    assert isinstance(failed.exception, MissingFileError)
