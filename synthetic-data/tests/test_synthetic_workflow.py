import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from physai.infrastructure.contracts import Variations
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.jobs.cli import app
from physai.infrastructure.jobs.render import render
from physai.synthetic_data.cosmos.action import action_inputs
from physai.synthetic_data.cosmos.predict import image2world_inputs, video2world_inputs
from physai.synthetic_data.plan import make_plan
from physai.synthetic_data.tests import arm

CHAIN = "synthetic-data/workflows/osmo/chain.yaml"
PREDICT = "synthetic-data/workflows/osmo/predict.yaml"
INFERENCE = """
# Stands in for examples/inference.py of Predict2.5: one sample a line, paths from the parameter file on, <name>.mp4.
import argparse, json, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("-i", type=pathlib.Path, required=True)
parser.add_argument("-o", type=pathlib.Path, required=True)
asked = parser.parse_args()
asked.o.mkdir(parents=True)
for line in asked.i.read_text().splitlines():
    sample = json.loads(line)
    (asked.o / f"{sample['name']}.mp4").write_bytes((asked.i.parent / sample["input_path"]).read_bytes())
"""
ACTION = """
# Stands in for examples/action_conditioned.py: paths below --input-root, <annotation>_chunk.mp4 below --save-root.
import argparse, json, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("-i", type=pathlib.Path, required=True)
parser.add_argument("-o", type=pathlib.Path, required=True)
parser.add_argument("--input-root", type=pathlib.Path, required=True)
parser.add_argument("--save-root", type=pathlib.Path, required=True)
asked = parser.parse_args()
spec = json.loads(asked.i.read_text())
asked.save_root.mkdir(parents=True)
files = list((asked.input_root / spec["input_json_sub_folder"]).glob("*.json"))[spec["start"] : spec["end"]]
for path in files:
    told = json.loads(path.read_text())
    assert len(told["state"]) == len(told["continuous_gripper_state"])
    video = asked.input_root / told["videos"][spec["camera_id"]]["video_path"]
    (asked.save_root / f"{path.stem}_chunk.mp4").write_bytes(video.read_bytes())
"""


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


@pytest.mark.parametrize(
    ("name", "write", "made"),
    [
        ("image2world", image2world_inputs, ["e0000-v00_front.mp4", "e0001-v00_front.mp4"]),
        ("video2world", video2world_inputs, ["e0000-v00_front.mp4", "e0001-v00_front.mp4"]),
        ("action-conditioned", action_inputs, ["front/e0000_chunk.mp4", "front/e0001_chunk.mp4"]),
    ],
)
def test_the_program_of_predict_gets_what_its_command_line_names(pytestconfig, tmp_path, name, write, made):
    source = arm.write(tmp_path / "source", [20, 18])
    plan = make_plan(source, Variations(backend="cosmos", prompts=("a kitchen",)))
    write(plan, source, tmp_path / "written/inputs")
    for program, code in (("inference", INFERENCE), ("action_conditioned", ACTION)):
        path = tmp_path / "workspace/examples" / f"{program}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
    workflow = pytestconfig.rootpath / PREDICT
    rendered = yaml.safe_load(render(workflow, workflow.read_text(), {"format": name}).text)
    (task,) = (task for task in rendered["workflow"]["tasks"] if task["name"] == "predict")
    line = task["args"][-1]
    for word, place in (("{{input:0}}", "written"), ("{{output}}", "out"), ("/workspace", "workspace")):
        line = line.replace(word, str(tmp_path / place))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").symlink_to(sys.executable)
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    done = subprocess.run([*task["command"], line], env={"PATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    videos = tmp_path / "out/videos"
    assert sorted(path.relative_to(videos).as_posix() for path in videos.rglob("*.mp4")) == made
