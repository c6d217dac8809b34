import json
from pathlib import Path

from typer.testing import CliRunner

from physai.infrastructure.datasets import Dataset
from physai.infrastructure.jobs.cli import app
from physai.synthetic_data.tests import arm

CHAIN = "synthetic-data/workflows/osmo/chain.yaml"


def test_the_whole_chain_runs_on_one_machine_and_its_output_loads_and_trains_on(pytestconfig, tmp_path, monkeypatch):
    monkeypatch.setenv("PHYSAI_STORAGE", (tmp_path / "store").as_uri())
    source = arm.write(tmp_path / "source", [20, 22, 18], heldout=1)
    arguments = ["run", str(pytestconfig.rootpath / CHAIN), "--run-dir", str(tmp_path / "run"), "--json"]
    arguments += ["--set-string", f"dataset={source.as_uri()}", "--set", "share=0"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.stderr
    outputs = {name: task["output"] for name, task in json.loads(result.stdout)["tasks"].items()}
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    written = Dataset(Path(outputs["write"]) / "dataset")
    assert written.splits == {"train": range(4), "heldout": range(4, 5)}
    loaded = LeRobotDataset("local/varied", root=written.root, video_backend="pyav")
    row = loaded[written.first_row(2)]
    assert row[arm.CAMERA].shape == (3, 64, 64)
    assert row["action"].tolist() == written.episode(2)["action"][0].tolist()
    assert json.loads(CliRunner().invoke(app, arguments).stdout)["up_to_date"] is True
