"""The example: a simulated robot, real DDS between processes, a dataset, and Azurite."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from physai.data_pipeline.tests.capture_robot import LOOPBACK
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.storage.credentials import CONNECTION_STRING
from physai.infrastructure.tests.storage_azurite import ACCOUNT, azurite, connection_string

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "robot_to_cloud.py"


@pytest.mark.simulation
@pytest.mark.azurite
def test_the_example_brings_a_robot_into_the_cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with azurite(tmp_path) as endpoint:
        monkeypatch.setenv(CONNECTION_STRING, connection_string(endpoint))
        with BlobServiceClient.from_connection_string(connection_string(endpoint)) as service:
            service.create_container("fleet").close()
            words = [sys.executable, EXAMPLE, tmp_path / "work", f"azure://{ACCOUNT}/fleet/lab"]
            done = subprocess.run(
                words, env={**os.environ, "CYCLONEDDS_URI": LOOPBACK}, capture_output=True, text=True, timeout=300
            )
            assert done.returncode == 0, done.stderr
            with service.get_container_client("fleet") as container:
                names = [blob.name for blob in container.list_blobs()]
    dataset = Dataset(tmp_path / "work" / "edge" / "datasets" / "reach")
    assert dataset.num_episodes == 2
    assert min(dataset.lengths) >= 30  # 1.5 s at 30 Hz, less what the topics begin and end apart
    assert sum("raw/ur10-simulated/" in name and name.endswith(".mcap") for name in names) == 2
    assert any(name.startswith("lab/converted/ur10-simulated/") and name.endswith("provenance.json") for name in names)
