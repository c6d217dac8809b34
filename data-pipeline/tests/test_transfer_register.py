"""Datasets that were uploaded become known: to the catalog of their store, and to a workspace of AzureML."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient
from typer.testing import CliRunner

from physai.data_pipeline.cli import app
from physai.data_pipeline.convert.convert import convert
from physai.data_pipeline.tests.convert_recordings import Tape, write_episode
from physai.data_pipeline.transfer.catalog import CatalogEntry
from physai.data_pipeline.transfer.errors import AssetError, NoBlobError
from physai.data_pipeline.transfer.queue import Queue
from physai.data_pipeline.transfer.register import make_asset, register
from physai.data_pipeline.transfer.run import Plan, run, status
from physai.infrastructure.contracts import Digest
from physai.infrastructure.storage import open_store
from physai.infrastructure.storage.credentials import CONNECTION_STRING
from physai.infrastructure.tests.azureml_service import Arm, workspace
from physai.infrastructure.tests.storage_azurite import ACCOUNT, azurite, connection_string


@pytest.fixture
def edge(tmp_path: Path) -> Path:
    """An edge folder with one dataset of two episodes."""
    for index in (0, 1):
        write_episode(tmp_path / "recorded", index, Tape(rows=3, camera=None, seed=index))
    convert(tmp_path / "recorded", tmp_path / "edge" / "reach")
    return tmp_path / "edge"


@pytest.fixture
def azureml(monkeypatch: pytest.MonkeyPatch) -> Iterator[Arm]:
    """A workspace on this machine, spoken to by the real SDK."""
    with workspace() as (arm, client):
        monkeypatch.setattr("physai.infrastructure.jobs.azureml.engine.make_client", lambda: client)
        yield arm


def content(edge: Path) -> Digest:
    text = (edge / "reach/meta/provenance.json").read_text()
    return str(json.loads(text)["content"])


def test_a_dataset_is_registered_in_the_catalog_of_its_store_once(edge: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    run(edge, str(store), Plan())
    (file,) = (store / "catalog").rglob("*.json")
    entry = CatalogEntry.model_validate_json(file.read_text())
    version = content(edge).removeprefix("sha256:")[:12]
    assert file.relative_to(store).as_posix() == f"catalog/arm-reach/{version}.json"
    assert (entry.episodes, entry.task, entry.content, entry.asset) == (2, "Reach", content(edge), "")
    assert (Path(entry.uri.removeprefix("file://")) / "meta/info.json").is_file()
    written = file.stat().st_mtime_ns
    run(edge, str(store), Plan(keep_h=0))
    assert file.stat().st_mtime_ns == written
    assert status(edge).datasets == (entry,)  # the edge is empty now, and still tells


def test_a_dataset_of_which_a_file_is_missing_is_not_registered(edge: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    run(edge, str(store), Plan())
    with Queue(edge) as queue:
        (info,) = (entry for entry in queue.entries() if entry.path.endswith("meta/info.json"))
        queue.mark(info, "sent")
    with Queue(edge) as queue:
        queue._db.execute("DELETE FROM datasets")
        register(queue, open_store(str(store)))
        assert queue.datasets() == ()


@pytest.mark.azurite
def test_a_dataset_in_blob_becomes_a_data_asset(
    edge: Path, tmp_path: Path, azureml: Arm, monkeypatch: pytest.MonkeyPatch
) -> None:
    with azurite(tmp_path) as endpoint:
        with BlobServiceClient.from_connection_string(connection_string(endpoint)) as service:
            service.create_container("fleet").close()
        monkeypatch.setenv(CONNECTION_STRING, connection_string(endpoint))
        words = ["transfer", "run", str(edge), "--target", f"azure://{ACCOUNT}/fleet/lab"]
        done = CliRunner().invoke(app, [*words, "--azureml"], catch_exceptions=False)
        assert done.exit_code == 0
        version = content(edge).removeprefix("sha256:")[:12]
        assert f"arm-reach:{version} (AzureML), episodes: 2" in " ".join(done.stdout.split())
        (asset,) = azureml.kind("versions")
        facts: dict[str, Any] = asset["properties"]
        assert asset["id"].endswith(f"/data/arm-reach/versions/{version}")
        assert facts["dataType"] == "uri_folder"
        assert facts["dataUri"].startswith(f"https://{ACCOUNT}.blob.core.windows.net/fleet/lab/converted/arm/")
        assert facts["tags"] == {"content": content(edge), "robot": "arm", "episodes": "2"}
        asked = len(azureml.asked)
        CliRunner().invoke(app, [*words, "--azureml"], catch_exceptions=False)
        assert len(azureml.asked) == asked, "what is registered is not registered again"


def test_a_workspace_that_refuses_or_cannot_reach_is_told_in_one_line(edge: Path, tmp_path: Path) -> None:
    run(edge, str(tmp_path / "store"), Plan())
    (entry,) = status(edge).datasets
    with workspace() as (arm, client):
        with pytest.raises(NoBlobError, match="AzureML reads from Azure only"):
            make_asset(client, entry)
        arm.refuse = (403, {"error": {"code": "Forbidden", "message": "no role on this workspace"}})
        there = entry.model_copy(update={"uri": "azure://robots/fleet/converted/arm/x/reach"})
        with pytest.raises(AssetError, match=r"data asset 'arm-reach': AzureML says: .*no role on this workspace"):
            make_asset(client, there)
