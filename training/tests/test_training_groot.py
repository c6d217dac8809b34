"""GR00T's workflow asks its pinned trainer for what that trainer takes; weights come from a hub at a pinned commit."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from physai.infrastructure.jobs.check import read_workflow
from physai.training.errors import WeightsError

from .hub_service import COMMIT, REPOSITORY, TOKEN, hub

TRAINING = Path(__file__).parents[1]
WORKFLOW, CONTAINERFILE = TRAINING / "vla/workflows/osmo/groot.yaml", TRAINING / "setup/groot.Containerfile"
PINNED = "57977bbba69d252cac76167520e4c57ec4cd9d7b"
BASE = "nvcr.io/nvidia/cuda:12.8.1-cudnn-devel-ubuntu22.04"
ARGUMENTS = {
    "base_model_path": "str",
    "dataset_path": "str",
    "embodiment_tag": "str",
    "modality_config_path": "str",
    "tune_llm": "bool",
    "tune_visual": "bool",
    "tune_projector": "bool",
    "tune_diffusion_model": "bool",
    "state_dropout_prob": "float",
    "random_rotation_angle": "int",
    "extra_augmentation_config": "str",
    "global_batch_size": "int",
    "dataloader_num_workers": "int",
    "learning_rate": "float",
    "gradient_accumulation_steps": "int",
    "output_dir": "str",
    "experiment_name": "str",
    "wandb_project": "str",
    "save_steps": "int",
    "save_total_limit": "int",
    "num_gpus": "int",
    "use_wandb": "bool",
    "max_steps": "int",
    "weight_decay": "float",
    "warmup_ratio": "float",
    "shard_size": "int",
    "episode_sampling_rate": "float",
    "num_shards_per_epoch": "int",
    "save_only_model": "bool",
}
"""Of the trainer, with their types. Source: NVIDIA/Isaac-GR00T at `PINNED`, gr00t/configs/finetune_config.py."""
REQUIRED = ("base_model_path", "dataset_path", "embodiment_tag")
TRAINER = f"""
import argparse, json, os, pathlib

parser = argparse.ArgumentParser(allow_abbrev=False)
for name, kind in {ARGUMENTS!r}.items():
    parser.add_argument("--" + name, type={{"str": str, "int": int, "float": float, "bool": bool}}[kind])
given = vars(parser.parse_args())
given["weights"] = sorted(path.name for path in pathlib.Path(given["base_model_path"]).iterdir() if path.is_file())
given["processes"] = int(os.environ["WORLD_SIZE"])
pathlib.Path(given["output_dir"], "given.json").write_text(json.dumps(given))
"""


def run_script(folder: Path, revision: str, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """The task's own script, with real `torchrun` and hub client, and a trainer that takes the trainer's arguments."""
    trainer, output = folder / "trainer", folder / "output"
    (trainer / "gr00t/experiment").mkdir(parents=True, exist_ok=True)
    (trainer / "gr00t/experiment/launch_finetune.py").write_text(TRAINER)
    output.mkdir(exist_ok=True)
    values = {"trainer": str(trainer), "weights": REPOSITORY, "revision": revision, "modality": "/robot/modality.py"}
    (task,) = read_workflow(WORKFLOW, values).workflow.tasks
    script = task.files[0].contents.replace("{{input:0}}", "/data").replace("{{output}}", str(output))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    variables = {**os.environ, "PATH": path, "HF_HOME": str(folder / "hub"), "TMPDIR": str(folder), **environment}
    return subprocess.run(["bash", "-c", script], env=variables, capture_output=True, text=True)


def test_the_image_and_the_workflow_speak_of_the_same_trainer() -> None:
    description, workflow = CONTAINERFILE.read_text(), WORKFLOW.read_text()
    assert re.findall(r"^ARG COMMIT=(.*)$", description, re.MULTILINE) == [PINNED]
    assert re.findall(r"^ARG BASE=(.*)$", description, re.MULTILINE) == [
        "nvcr.io/nvidia/cuda:12.8.1-cudnn-devel-ubuntu22.04"
    ]
    (folder,) = re.findall(r"^WORKDIR (/opt/.*)$", description, re.MULTILINE)
    defaults = workflow.partition("default-values:")[2]
    assert f"trainer: {folder} #" in defaults
    assert f"modality: {folder}/" in defaults
    assert "training/setup/groot.Containerfile" in workflow
    assert "TOKEN=" not in description, "credentials are the workflow's, never the image's"


def test_the_workflow_fetches_the_weights_and_starts_the_trainer(tmp_path: Path) -> None:
    with hub({"config.json": b"{}", "model.safetensors": b"weights"}) as address:
        done = run_script(tmp_path, COMMIT, {"HF_ENDPOINT": address, "HF_TOKEN": TOKEN, "HF_HUB_OFFLINE": "0"})
    assert done.returncode == 0, done.stderr[-2000:]
    given = json.loads((tmp_path / "output/given.json").read_text())
    assert given["weights"] == ["config.json", "model.safetensors"]
    assert (given["dataset_path"], given["modality_config_path"]) == ("/data", "/robot/modality.py")
    assert given["output_dir"] == str(tmp_path / "output")
    assert given["num_gpus"] == given["processes"] == 1
    assert (given["max_steps"], given["global_batch_size"], given["learning_rate"]) == (10000, 32, 1e-4)
    assert all(given[name] for name in REQUIRED)


def test_the_workflow_refuses_a_branch_and_ends_where_the_hub_refuses(tmp_path: Path) -> None:
    for revision in ("main", ""):
        done = run_script(tmp_path, revision, {})
        assert done.returncode == 1
        assert done.stderr == "error: revision: name a commit of 40 hexadecimal digits\n"
    with hub({"config.json": b"{}"}) as address:
        done = run_script(tmp_path, COMMIT, {"HF_ENDPOINT": address, "HF_TOKEN": "another", "HF_HUB_OFFLINE": "0"})
    assert done.returncode != 0
    assert "401" in done.stderr
    assert not (tmp_path / "output/given.json").exists()


FETCH = """
import sys
from pathlib import Path

from physai.infrastructure.errors import PhysaiError
from physai.training.vla.weights import fetch

try:
    fetch(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
except PhysaiError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


def fetch(output: Path, address: str, token: str, revision: str = COMMIT) -> "subprocess.CompletedProcess[str]":
    """In a process of its own, since the library reads its settings once."""
    variables = os.environ | {"HF_ENDPOINT": address, "HF_TOKEN": token, "HF_HOME": str(output.with_name("hub"))}
    words = [sys.executable, "-c", FETCH, REPOSITORY, revision, str(output)]
    return subprocess.run(words, env=variables, capture_output=True, text=True)


def test_weights_of_a_vla_are_fetched_at_their_commit_or_not_at_all(tmp_path: Path) -> None:
    with hub({"config.json": b'{"type": "smolvla"}', "model.safetensors": b"weights"}) as address:
        refused = fetch(tmp_path / "refused", address, "another")
        unknown = fetch(tmp_path / "unknown", address, TOKEN, "f" * 40)
        done = fetch(tmp_path / "base", address, TOKEN)
    assert done.returncode == 0, done.stderr
    files = {str(path.relative_to(tmp_path / "base")) for path in (tmp_path / "base").rglob("*") if path.is_file()}
    assert files == {"config.json", "model.safetensors"}, "notes of the download would give each a digest of its own"
    assert (tmp_path / "base/model.safetensors").read_bytes() == b"weights"
    for failed, name in ((refused, "refused"), (unknown, "unknown")):
        assert failed.stderr.splitlines()[-1].startswith(f"{WeightsError.__name__}: {REPOSITORY}")
        assert not (tmp_path / name).exists()
