"""From a customer's answers to a checked folder: an arm, a mobile manipulator, and every refusal in one line."""

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from physai.infrastructure.adapt import AdaptError, adapt
from physai.infrastructure.adapt.cli import app
from physai.infrastructure.adapt.platform import shipped_workflow
from physai.infrastructure.aside import OccupiedError
from physai.infrastructure.commands import commands, find, misuse
from physai.infrastructure.contracts import Adaptation, ContractError, RecordingConfig, Robot
from physai.infrastructure.errors import MissingFileError, PhysaiError
from physai.infrastructure.jobs.check import read_workflow
from physai.infrastructure.jobs.layers import check_layers
from physai.infrastructure.jobs.repo import validate
from physai.infrastructure.robots.urdf import UrdfError
from physai.infrastructure.ros2.errors import UnknownTypeError
from physai.infrastructure.setup.profile import load_profile

EXAMPLES = Path(__file__).parents[2] / ".github/skills/adapt-to-my-robot/reference"
Change = Callable[[dict[str, Any]], object]


def answers(folder: Path, change: Change = lambda _: None, example: str = "arm") -> Path:
    """An example's answers, changed, in a folder of their own."""
    data = yaml.safe_load((EXAMPLES / f"{example}.yaml").read_text())
    change(data)
    (folder / "fetcher.urdf").write_text((EXAMPLES / "fetcher.urdf").read_text())
    path = folder / "adapt.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    return path


def features(config: RecordingConfig, feature: str) -> list[str]:
    rules = [rule for topic in config.topics for rule in topic.features if rule.feature == feature]
    return [name for rule in rules for name in rule.names or rule.keys]


def test_an_arm_becomes_files_that_their_readers_take(tmp_path: Path) -> None:
    out = tmp_path / "arm"
    made = adapt(answers(tmp_path), out)
    assert made.written
    assert sorted(made.files) == sorted(str(p.relative_to(out)) for p in out.rglob("*") if p.is_file())
    robot = Robot.read(out / "robot.json")
    assert [joint.joint for joint in robot.joints] == [f"joint_{n}" for n in range(1, 7)]
    assert (robot.joints[0].lower_rad, robot.joints[0].upper_rad) == (-1.5, 1.5)  # narrowed
    assert (robot.joints[1].lower_rad, robot.joints[1].upper_rad) == (-1.92, 1.92)  # its own
    config = RecordingConfig.read(out / "recording.yaml")
    assert config.rate_hz == 30
    assert features(config, "action") == [f"joint_{n}" for n in range(1, 7)]
    assert features(config, "observation.state") == [*(f"joint_{n}" for n in range(1, 7)), "gripper"]
    assert {topic.topic: topic.align.how for topic in config.topics} == {
        "/joint_states": "linear",
        "/forward_position_controller/commands": "hold",
        "/gripper/state": "linear",
        "/wrist/image_raw/compressed": "nearest",
        "/scene/image_raw/compressed": "nearest",
    }
    values = read_workflow(out / "workflows/osmo/release-candidate.yaml").workflow
    assert values.resources["simulation"].gpu == 1
    assert values.resources["simulation"].platform == "a10"
    assert load_profile(str(out / "bench-arm.tfvars.json")).location == "westeurope"


def test_a_mobile_manipulator_becomes_files_that_their_readers_take(tmp_path: Path) -> None:
    out = tmp_path / "mm"
    made = adapt(answers(tmp_path, example="mobile-manipulator"), out)
    arm = ["arm_joint_1", "arm_joint_2", "arm_joint_3"]
    assert [joint.joint for joint in Robot.read(out / "robot.json").joints] == arm
    config = RecordingConfig.read(out / "recording.yaml")
    base = ["base.x", "base.y", "base.qz", "base.qw", "base.vx", "base.wz"]
    assert features(config, "observation.state") == [*base, *arm, "gripper"]
    assert features(config, "action") == ["base.vx", "base.wz", *arm, "gripper"]
    depth = config.rule("/head/depth/image_raw")
    assert depth is not None
    assert [(rule.feature, rule.dtype) for rule in depth.features] == [("observation.images.head_depth", "depth")]
    video = [rule.feature for topic in config.topics for rule in topic.features if rule.dtype == "video"]
    assert video == ["observation.images.head"]
    assert "base.vx, base.wz, gripper" in made.notes[0]
    profile = str(out / "fetcher.tfvars.json")
    assert list(load_profile(profile).node_pools) == ["cpu"]
    assert not check_layers(profile)
    assert not validate([out], profile=profile).broken


def base_alone(data: dict[str, Any]) -> None:
    data.pop("urdf")
    data.update(states=data["states"][:1], commands=data["commands"][:1], grippers=[])


def test_a_base_without_an_arm_is_recorded_and_trained_and_not_packaged(tmp_path: Path) -> None:
    out = tmp_path / "base"
    made = adapt(answers(tmp_path, base_alone, "mobile-manipulator"), out)
    assert sorted(path.name for path in out.rglob("*") if path.is_file()) == [
        "fetcher.tfvars.json",
        "next-steps.md",
        "recording.yaml",
    ]
    assert features(RecordingConfig.read(out / "recording.yaml"), "action") == ["base.vx", "base.wz"]
    assert "no package, no workflow" in made.notes[0]
    assert not any("package" in command or "jobs submit" in command for command in made.commands)
    assert any("training il train" in command for command in made.commands)


def test_a_policy_without_a_colour_camera_is_told_where_its_task_is(tmp_path: Path) -> None:
    blind = adapt(answers(tmp_path, lambda data: data.update(cameras=[])), tmp_path / "blind")
    assert "name such a topic under `targets`, or a camera" in blind.notes[0]
    pose = {"topic": "/target_pose", "type": "geometry_msgs/msg/PoseStamped", "rate_hz": 30}
    told = adapt(answers(tmp_path, lambda data: data.update(cameras=[], targets=[pose])), tmp_path / "told")
    assert not any("targets" in note for note in told.notes)
    config = RecordingConfig.read(tmp_path / "told/recording.yaml")
    names = ["target.x", "target.y", "target.z", "target.qx", "target.qy", "target.qz", "target.qw"]
    assert features(config, "observation.environment_state") == names


@pytest.mark.parametrize("example", ["arm", "mobile-manipulator"])
def test_the_workflow_is_the_shipped_one_but_for_its_defaults(example: str, tmp_path: Path) -> None:
    adapt(answers(tmp_path, example=example), tmp_path / "out")
    made, shipped = (
        path.read_text().partition("default-values:\n")
        for path in (tmp_path / "out/workflows/osmo/release-candidate.yaml", shipped_workflow())
    )
    assert made[:2] == shipped[:2]
    old, new = yaml.safe_load(shipped[2]), yaml.safe_load(made[2])
    assert list(old) == list(new)
    changed = {name for name in old if old[name] != new[name]}
    assert {"dataset", "robot", "model", "observation"} <= changed
    assert changed <= {"dataset", "robot", "model", "observation", "policy", "gpus", "platform"}
    assert re.findall("#.*", made[2]) == re.findall("#.*", shipped[2])


def test_a_recorder_without_a_terminal_is_told_by_services(tmp_path: Path) -> None:
    adapt(answers(tmp_path, lambda data: data.update(operated_by="services")), tmp_path / "out")
    config = RecordingConfig.read(tmp_path / "out/recording.yaml")
    told = [(getattr(trigger, "service", trigger.kind), trigger.outcome) for trigger in (*config.start, *config.stop)]
    assert told == [
        ("/recorder/start", None),
        ("/recorder/success", "success"),
        ("/recorder/failure", "failure"),
        ("timer", "failure"),
    ]


@pytest.mark.parametrize("profile", ["dev", "prod", "private"])
@pytest.mark.parametrize("gpus", [True, False])
def test_the_workflow_fits_every_profile_with_and_without_gpus(profile: str, gpus: bool, tmp_path: Path) -> None:
    file = answers(tmp_path, lambda data: data["azure"].update(profile=profile, gpus=gpus))
    adapt(file, tmp_path / "out")
    pools = load_profile(str(tmp_path / "out/bench-arm.tfvars.json")).node_pools.values()
    assert any(pool.job_limit.gpu for pool in pools) == gpus


@pytest.mark.parametrize("example", ["arm", "mobile-manipulator"])
def test_every_command_of_the_next_steps_parses(example: str, tmp_path: Path) -> None:
    made = adapt(answers(tmp_path, example=example), tmp_path / "out")
    page = (tmp_path / "out/next-steps.md").read_text()
    lines = [line for block in re.findall(r"```bash\n(.*?)```", page, re.DOTALL) for line in block.splitlines()]
    assert tuple(lines) == made.commands
    assert len(lines) == 14
    for line in lines:
        program, *words = shlex.split(line)
        assert program == "physai"
        command, depth = find(words)
        assert not isinstance(command, str), command
        assert not misuse(command, words[depth:])


def test_cohorts_and_their_robots_reach_the_cluster(tmp_path: Path) -> None:
    made = adapt(answers(tmp_path, example="mobile-manipulator"), tmp_path / "out")
    told = next(line for line in made.commands if "add-cluster" in line)
    assert told.startswith("physai fleet-deployment repo add-cluster warehouse-1 --cohort pilot=fetcher-1")
    assert "--cohort fleet=fetcher-2,fetcher-3 --url https://git.example/fleet" in told


def test_the_policies_are_those_that_the_training_takes() -> None:
    policy = next(param for param in commands()["training il train"].params if param.name == "policy")
    schema = Adaptation.model_json_schema()["properties"]["policy"]
    assert schema["enum"] == re.findall(r"act|diffusion|vqbet", policy.help)
    assert re.sub(r"\W+|or", " ", policy.help).split() == schema["enum"]


def set_first(part: str, **values: Any) -> Change:
    return lambda data: data[part][0].update(values)


REFUSALS: dict[str, tuple[Change, type[PhysaiError], str]] = {
    "a limit of an unknown joint": (
        lambda data: data.update(limits={"joint_7": [-1, 1]}),
        AdaptError,
        r"limits\.joint_7: the robot has no such joint\. Did you mean 'joint_6'\?",
    ),
    "a limit beyond the robot's own": (
        lambda data: data.update(limits={"joint_1": [-4, 1]}),
        AdaptError,
        r"limits\.joint_1: -4 to 1 rad is beyond .*Stay within -2\.96 to 2\.96 rad",
    ),
    "a limit the wrong way round": (
        lambda data: data.update(limits={"joint_1": [1, -1]}),
        AdaptError,
        r"limits\.joint_1: 1 to -1 rad is no range\. Write the lower number first",
    ),
    "a joint twice": (
        lambda data: data["joints"].append(data["joints"][0]),
        AdaptError,
        "joints: joint 'joint_1' is there twice",
    ),
    "an unknown ROS type": (
        set_first("states", type="sensor_msgs/msg/JointStates"),
        UnknownTypeError,
        r"states\.0\.type: .*Did you mean 'sensor_msgs/msg/JointState'\?",
    ),
    "a type whose numbers are not known": (
        set_first("commands", type="std_msgs/msg/String"),
        AdaptError,
        r"commands\.0\.type: which numbers .*Name them under `fields`",
    ),
    "a gripper whose number is not known": (
        set_first("grippers", type="std_msgs/msg/String"),
        AdaptError,
        r"grippers\.0\.type: which number .*Name it under `fields`",
    ),
    "a topic with an unknown joint": (
        set_first("commands", joints=["joint_1", "joint2"]),
        AdaptError,
        r"commands\.0\.joints: the robot has no joint 'joint2'\. Did you mean 'joint_2'\?",
    ),
    "a topic twice": (
        set_first("cameras", topic="/joint_states"),
        AdaptError,
        r"cameras\.0\.topic: '/joint_states' is there twice",
    ),
    "names that are not as many as the fields": (
        set_first("states", fields=["position[0]"], names=["a", "b"]),
        AdaptError,
        r"states\.0\.names: 2 names of 1 fields\. Write one name for each",
    ),
    "a missing URDF": (
        lambda data: data.update(joints=[], urdf="none.urdf"),
        MissingFileError,
        r"none\.urdf: no URDF here\. Check the path",
    ),
    "a URDF that is none": (
        lambda data: data.update(joints=[], urdf="adapt.yaml"),
        UrdfError,
        r"adapt\.yaml: no XML",
    ),
    "an unknown policy": (
        lambda data: data.update(policy="actt"),
        ContractError,
        r"policy: Input should be 'act', 'diffusion' or 'vqbet' \(got 'actt'\)",
    ),
    "half a row per second": (
        lambda data: data.update(rate_hz=12.5),
        ContractError,
        r"rate_hz: Input should be a valid integer.* \(got 12\.5\)",
    ),
    "a URDF and joints": (
        lambda data: data.update(urdf="fetcher.urdf"),
        ContractError,
        "give `urdf` or `joints`, one of them",
    ),
    "joint states of a robot without joints": (
        lambda data: data.update(joints=[], limits={}),
        AdaptError,
        r"states\.0: the robot has no joints\. Give `urdf` or `joints`",
    ),
    "limits of a robot without joints": (
        lambda data: data.update(joints=[]),
        ContractError,
        "`limits` are of joints: give `urdf` or `joints`",
    ),
    "a target whose numbers are not known": (
        lambda data: data.update(targets=[{"topic": "/goal", "type": "std_msgs/msg/String", "rate_hz": 1}]),
        AdaptError,
        r"targets\.0\.type: which numbers .*geometry_msgs/msg/PoseStamped",
    ),
    "a robot in two cohorts": (
        lambda data: data["topology"].update(cohorts={"a": ["r-1"], "b": ["r-1"]}),
        ContractError,
        "topology: .*robot 'r-1' is there twice",
    ),
    "cohorts without robots": (
        lambda data: data["topology"].update(cohorts={"a": []}),
        ContractError,
        "topology: .*no cohort has a robot",
    ),
    "an unknown question": (
        lambda data: data.update(colour="red"),
        ContractError,
        r"colour: Extra inputs are not permitted",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_bad_input_is_refused_in_one_line_and_leaves_nothing(case: str, tmp_path: Path) -> None:
    change, error, message = REFUSALS[case]
    file = answers(tmp_path, change)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(error, match=message) as refused:
        adapt(file, tmp_path / "out")
    assert "adapt.yaml" in str(refused.value) or "none.urdf" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert sorted(tmp_path.iterdir()) == before


def test_a_reader_that_refuses_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = tmp_path / "shipped.yaml"
    shipped.write_text(shipped_workflow().read_text().replace("cpu: 1", "cpu: 1000"))
    monkeypatch.setattr("physai.infrastructure.adapt.platform.shipped_workflow", lambda: shipped)
    file = answers(tmp_path)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(AdaptError, match=r"azure: workflows/osmo/release-candidate\.yaml:\d+: task"):
        adapt(file, tmp_path / "out")
    assert sorted(tmp_path.iterdir()) == before


def test_a_shipped_workflow_without_a_value_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = tmp_path / "shipped.yaml"
    shipped.write_text(shipped_workflow().read_text().replace("\n  model: ", "\n  modell: "))
    monkeypatch.setattr("physai.infrastructure.adapt.platform.shipped_workflow", lambda: shipped)
    with pytest.raises(AdaptError, match=r"shipped\.yaml: default-values\.model: is not there"):
        adapt(answers(tmp_path), tmp_path / "out")


def test_a_plan_checks_everything_and_writes_nothing(tmp_path: Path) -> None:
    file, out = answers(tmp_path), tmp_path / "out"
    done = CliRunner().invoke(app, [str(file), "--output", str(out), "--plan", "--json"])
    assert done.exit_code == 0, done.output
    planned = json.loads(done.stdout)
    assert not planned["written"]
    assert not out.exists()
    assert planned == adapt(file, out).model_dump(mode="json") | {"written": False}
    with pytest.raises(OccupiedError, match="exists already"):
        adapt(file, out, plan=True)


def test_what_is_there_already_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    with pytest.raises(OccupiedError, match=r"out: exists already\. Remove it, or name another"):
        adapt(answers(tmp_path), out)
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


def test_the_table_names_the_files_and_the_notes_say_what_is_not_yet_right(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, [str(answers(tmp_path)), "--output", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "next-steps.md" in done.stdout
    assert f"{tmp_path / 'out'}: written" in done.stderr
    assert "note: The workflow judges policies in `Isaac-Reach-UR10`" in done.stderr
