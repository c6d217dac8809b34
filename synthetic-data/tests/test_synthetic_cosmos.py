import base64
import json
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import av
import numpy as np
import pytest
from pydantic import ValidationError

from physai.infrastructure.contracts import JudgeVote, Variations, digest_bytes
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.datasets.video import count_frames, decode
from physai.infrastructure.judge import JudgeError
from physai.synthetic_data.cosmos.action import action_inputs
from physai.synthetic_data.cosmos.export import export
from physai.synthetic_data.cosmos.images import image_commands
from physai.synthetic_data.cosmos.inputs import transfer_inputs
from physai.synthetic_data.cosmos.predict import image2world_inputs, video2world_inputs
from physai.synthetic_data.cosmos.runners import COMMAND, ENDPOINT, TOKEN
from physai.synthetic_data.cosmos.schema import ActionEpisode, ActionSpec, PredictSample, TransferSpec
from physai.synthetic_data.cosmos.transfer import WEIGHTS, open_transfer
from physai.synthetic_data.cost import chunks
from physai.synthetic_data.errors import CosmosSetupError, ShortEpisodeError, TooShortError
from physai.synthetic_data.generate import generate
from physai.synthetic_data.plan import make_plan
from physai.synthetic_data.scene import link_poses
from physai.synthetic_data.tests import arm
from physai.synthetic_data.verify.judge import Judge
from physai.synthetic_data.verify.run import verify

PROGRAM = """
# Stands in for examples/inference.py of Transfer2.5: same arguments, same place for the video, the input as its output.
import json, shutil, sys
from pathlib import Path
spec_path, out = Path(sys.argv[sys.argv.index("-i") + 1]), Path(sys.argv[sys.argv.index("-o") + 1])
spec = json.loads(spec_path.read_text())
for control in ("edge", "depth", "seg", "vis"):
    for field in ("control_path", "mask_path"):
        if path := spec.get(control, {}).get(field):
            assert (spec_path.parent / path).exists(), path
out.mkdir()
mode = MODE
target = out / f"{spec['name']}.mp4"
if mode == "copy":
    shutil.copy(spec_path.parent / spec["video_path"], target)
elif mode == "garbage":
    target.write_bytes(b"not a video")
elif mode == "short":
    import av
    source = av.open(str(spec_path.parent / spec["video_path"]))
    sink = av.open(str(target), "w")
    stream = sink.add_stream("libsvtav1", 30, width=64, height=64, pix_fmt="yuv420p")
    for number, frame in enumerate(source.decode(video=0)):
        if number < 7:
            frame.pts = number
            sink.mux(stream.encode(frame))
    sink.mux(stream.encode())
    sink.close()
elif mode == "exit":
    sys.exit("CUDA out of memory")
"""
ALL = Variations(
    backend="cosmos",
    prompts=("a workshop at night", "a bright kitchen"),
    controls={"edge": 0.5, "depth": 0.4, "seg": 0.3, "vis": 0.2},
    keep_robot=True,
)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return arm.write(tmp_path_factory.mktemp("source") / "ds", [20, 18])


@pytest.fixture(scope="module")
def plan(source):
    return make_plan(source, ALL)


def test_inputs_of_transfer_are_those_its_documentation_shows(plan, source, tmp_path):
    made = transfer_inputs(plan, source, tmp_path / "inputs")
    assert len(made.specs) == 2
    path = tmp_path / "inputs" / made.specs[0]
    spec = json.loads(path.read_text())
    assert TransferSpec.model_validate(spec)
    assert spec["prompt"] in ALL.prompts
    assert spec["guided_generation_mask"] == "mask.mp4"
    assert spec["depth"] == {"control_path": "depth.mp4", "control_weight": 0.4, "mask_path": "mask.mp4"}
    for name in ("input", "mask", "edge", "depth", "seg", "vis"):
        assert count_frames(path.parent / f"{name}.mp4") == spec["max_frames"] == 20


def test_controls_show_the_robot_frame_by_frame(plan, source, tmp_path):
    made = transfer_inputs(plan, source, tmp_path / "inputs")
    folder = (tmp_path / "inputs" / made.specs[0]).parent
    robot = arm.shown(20) != arm.EMPTY
    for name in ("mask", "depth", "seg"):
        with av.open(str(folder / f"{name}.mp4")) as container:
            frames = np.stack([frame.to_ndarray(format="gray") for frame in container.decode(video=0)])
        lit = frames > (127 if name == "mask" else 20)
        assert (lit & robot).sum() / (lit | robot).sum() > 0.9, name


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"edge": None}, "at least one control"),
        ({"edge": {"control_weight": 1.5}}, "less than or equal to 1"),
        ({"guidance": 8}, "less than or equal to 7"),
        ({"edge": {"mask_path": "a", "mask_prompt": "b"}}, "only one of"),
        ({"vis": {}, "image_context_path": "a.png"}, "give one"),
        ({"sigma": 3}, "Extra inputs"),
    ],
)
def test_what_transfer_would_refuse_is_refused_here(change, said):
    good = {"name": "a", "prompt": "b", "video_path": "c.mp4", "edge": {}}
    assert TransferSpec.model_validate(good)
    with pytest.raises(ValidationError, match=said):
        TransferSpec.model_validate({**good, **change})


def samples(path):
    return [PredictSample.model_validate_json(line) for line in path.read_text().splitlines()]


def test_image2world_goes_on_from_the_first_frame(plan, source, tmp_path):
    assert image2world_inputs(plan, source, tmp_path / "inputs").specs == ("image2world.jsonl",)
    first, second = samples(tmp_path / "inputs/image2world.jsonl")
    assert (first.name, first.inference_type, second.name) == ("e0000-v00_front", "image2world", "e0001-v00_front")
    assert first.prompt == plan.generations[0].variation.prompt
    with av.open(str(tmp_path / "inputs" / first.input_path)) as container:
        shown = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert (shown == Dataset(source).frames(0, arm.CAMERA)[0]).all()


def test_video2world_goes_on_from_the_first_five_frames(plan, source, tmp_path):
    assert video2world_inputs(plan, source, tmp_path / "inputs").specs == ("video2world.jsonl",)
    first = samples(tmp_path / "inputs/video2world.jsonl")[0]
    assert (first.inference_type, first.seed) == ("video2world", plan.generations[0].seed)
    begun = decode(tmp_path / "inputs" / first.input_path, 0, 5, plan.fps, 0).astype(int)
    assert count_frames(tmp_path / "inputs" / first.input_path) == 5
    assert np.abs(begun - Dataset(source).frames(0, arm.CAMERA)[:5]).mean() < 2  # levels; AV1 has touched both


def test_an_episode_of_four_frames_is_too_short_for_video2world(tmp_path):
    source = arm.write(tmp_path / "ds", [4])
    with pytest.raises(ShortEpisodeError, match="has 4 frames, video2world goes on from 5"):
        video2world_inputs(make_plan(source, ALL), source, tmp_path / "inputs")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"input_path": None}, "image2world needs input_path"),
        ({"input_path": "a.gif"}, "'a.gif' ends with none of .png"),
        ({"guidance": 8}, "less than or equal to 7"),
        ({"inference_type": "action2world"}, "Input should be"),
        ({"samples": {}}, "Extra inputs"),
    ],
)
def test_what_predict_would_refuse_is_refused_here(change, said):
    good = {"inference_type": "image2world", "name": "a", "prompt": "b", "input_path": "c.png"}
    assert PredictSample.model_validate(good)
    with pytest.raises(ValidationError, match=said):
        PredictSample.model_validate({**good, **change})


def turned(roll, pitch, yaw):
    """R = Rz Ry Rx, as the program makes it of three angles."""
    c, s = np.cos([roll, pitch, yaw]), np.sin([roll, pitch, yaw])
    about_x = np.array([[1, 0, 0], [0, c[0], -s[0]], [0, s[0], c[0]]])
    about_y = np.array([[c[1], 0, s[1]], [0, 1, 0], [-s[1], 0, c[1]]])
    about_z = np.array([[c[2], -s[2], 0], [s[2], c[2], 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def test_action_conditioned_gets_every_episode_once_with_the_pose_of_its_tool(source, tmp_path):
    plan = make_plan(source, ALL.model_copy(update={"copies": 2}))
    inputs = tmp_path / "inputs"
    assert action_inputs(plan, source, inputs).specs == ("front.json",)
    spec = ActionSpec.model_validate_json((inputs / "front.json").read_text())
    files = sorted((inputs / spec.input_json_sub_folder).glob("*.json"))
    assert [path.name for path in files] == ["e0000.json", "e0001.json"]
    assert (spec.start, spec.end, spec.camera_id, spec.save_fps) == (0, 2, 0, 30)
    told = ActionEpisode.model_validate_json(files[0].read_text())
    assert count_frames(inputs / told.videos[spec.camera_id].video_path) == len(told.state) == 20
    assert set(told.continuous_gripper_state) == {0.0}
    for row, joints in ((0, arm.joints(20)[0]), (13, arm.joints(20)[13])):
        tool = link_poses(arm.MODEL.links, joints.astype(float))[-1]
        assert told.state[row][:3] == pytest.approx(tool[:3, 3], abs=1e-9)
        assert turned(*told.state[row][3:]) == pytest.approx(tool[:3, :3], abs=1e-9)


def test_an_episode_without_an_action_is_refused():
    still = {"videos": [{"video_path": "a.mp4"}], "state": [[0.0] * 6], "continuous_gripper_state": [0.0]}
    with pytest.raises(ValidationError, match="1 poses make no action"):
        ActionEpisode.model_validate(still)
    with pytest.raises(ValidationError, match="1 poses and 2 states of the gripper"):
        ActionEpisode.model_validate(still | {"continuous_gripper_state": [0.0, 0.0]})


def test_what_cosmos_cannot_vary_is_neither_planned_nor_promised(plan):
    assert [row.dimension for row in plan.coverage] == ["prompts"]
    with pytest.raises(ValidationError, match="say it in `prompts`"):
        Variations.model_validate_json('{"backend": "cosmos", "prompts": ["a"], "texture": {"share": 1}}')


def test_121_frames_are_two_chunks_as_their_documentation_says():
    assert [chunks(rows) for rows in (1, 93, 94, 121, 185, 186)] == [1, 1, 2, 2, 2, 3]


@pytest.mark.parametrize(
    ("mode", "failure"),
    [
        ("copy", ""),
        ("garbage", "garbage: what came is no video"),
        ("short", "too-few-frames: 7 of 20"),
        ("nothing", "nothing: the program wrote no e0000-v00_front.mp4"),
        ("exit", "exit: the program ended with 1: CUDA out of memory"),
    ],
)
def test_the_program_is_run_and_its_failures_have_names(plan, source, tmp_path, mode, failure):
    program = tmp_path / "inference.py"
    program.write_text(PROGRAM.replace("MODE", repr(mode)))
    backend = open_transfer(ALL, {COMMAND: f"{sys.executable} {program}"})
    report = generate(plan, source, tmp_path / "clips", backend)
    if failure:
        assert report.failed["e0000-v00"].startswith(failure)
        assert verify(plan, source, tmp_path / "clips").accepted == 0
    else:
        assert (report.made, report.failed) == (2, {})
        verdicts = verify(plan, source, tmp_path / "clips").clips
        assert {reason.partition(":")[0] for clip in verdicts for reason in clip.reasons} <= {"nearest_levels"}


@pytest.fixture
def endpoint():
    asked = []

    class Handler(BaseHTTPRequestHandler):
        answer: object = {}

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append((self.path, self.headers.get("Authorization"), body))
            answer = self.answer(body) if callable(self.answer) else self.answer
            content = json.dumps(answer).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", Handler, asked
    server.shutdown()
    server.server_close()


def test_a_nim_gets_files_and_token_and_its_video_becomes_a_clip(plan, source, tmp_path, endpoint, monkeypatch):
    url, handler, asked = endpoint
    handler.answer = staticmethod(lambda body: {"b64_video": body["video_path"]})
    monkeypatch.setenv(TOKEN, "secret")
    report = generate(plan, source, tmp_path / "clips", open_transfer(ALL, {ENDPOINT: url}))
    assert (report.made, report.failed) == (2, {})
    path, authorization, body = asked[0]
    assert (path, authorization) == ("/v1/infer", "Bearer secret")
    assert base64.b64decode(body["depth"]["control_path"])[4:8] == b"ftyp"
    handler.answer = {"detail": "no capacity"}
    failed = generate(plan, source, tmp_path / "more", open_transfer(ALL, {ENDPOINT: url})).failed
    assert failed["e0000-v00"] == "endpoint: answered without a video (KeyError)"


def test_cosmos_without_a_program_or_an_endpoint_is_told():
    with pytest.raises(CosmosSetupError, match="neither COSMOS_COMMAND nor"):
        open_transfer(ALL, {})


def test_a_command_that_is_no_command_line_is_told():
    with pytest.raises(CosmosSetupError, match=r"COSMOS_COMMAND: 'python \"in' is no command line \(No closing"):
        open_transfer(ALL, {COMMAND: 'python "in'})


def test_a_program_that_speaks_no_utf_8_is_quoted_as_far_as_it_goes(plan, source, tmp_path):
    program = tmp_path / "inference.py"
    program.write_text("import sys\nsys.stderr.buffer.write(b'out of m\\xe9moire')\nsys.exit(1)\n")
    report = generate(plan, source, tmp_path / "clips", open_transfer(ALL, {COMMAND: f"{sys.executable} {program}"}))
    assert report.failed["e0000-v00"] == "exit: the program ended with 1: out of m\ufffdmoire"


def test_the_weights_give_the_digest(tmp_path):
    (tmp_path / "weights.pt").write_bytes(b"weights")
    backend = open_transfer(ALL, {COMMAND: "inference", WEIGHTS: str(tmp_path / "weights.pt")})
    assert backend.digest == digest_bytes(b"weights")
    with pytest.raises(
        CosmosSetupError, match=r"COSMOS_CHECKPOINT: absent\.pt is no file\. Give the file of the weights"
    ):
        open_transfer(ALL, {COMMAND: "inference", WEIGHTS: "absent.pt"})


def says(text):
    return {"choices": [{"message": {"content": text}}]}


def test_a_judge_has_a_vote_and_its_reason_is_kept(plan, source, tmp_path, endpoint):
    url, handler, asked = endpoint
    local = make_plan(source, Variations())
    from physai.synthetic_data.local import LocalBackend

    generate(local, source, tmp_path / "clips", LocalBackend())
    handler.answer = says('Let me see.\n{"plausible": false, "reason": "the arm bends"}')
    judge = Judge(f"{url}/v1", "nvidia/Cosmos-Reason2-2B")
    report = verify(local, source, tmp_path / "clips", judge=judge)
    assert (report.judge, report.accepted) == ("nvidia/Cosmos-Reason2-2B", 0)
    assert report.clips[0].reasons == ("judge: the arm bends",)
    assert report.clips[0].vote == JudgeVote(plausible=False, reason="the arm bends")
    assert asked[0][0] == "/v1/chat/completions"
    video = asked[0][2]["messages"][0]["content"][0]["video_url"]["url"]
    assert video.startswith("data:video/mp4;base64,")
    handler.answer = says('```json\n{"plausible": true, "reason": "as recorded"}\n```')
    assert verify(local, source, tmp_path / "clips", judge=judge).accepted == 2
    handler.answer = says("It looks fine.")
    with pytest.raises(JudgeError, match="no vote"):
        verify(local, source, tmp_path / "clips", judge=judge)


def test_training_data_have_the_folders_that_post_training_reads(source, tmp_path):
    export(source, tmp_path / "predict", "predict", slow=5)
    assert sorted(path.relative_to(tmp_path / "predict").as_posix() for path in tmp_path.glob("predict/*/*")) == [
        "metas/episode-000000.txt",
        "videos/episode-000000.mp4",
    ]
    with av.open(str(tmp_path / "predict/videos/episode-000000.mp4")) as container:
        assert (container.streams.video[0].height, container.streams.video[0].frames) == (720, 100)
    export(source, tmp_path / "transfer", "transfer", slow=5)
    assert json.loads((tmp_path / "transfer/captions/episode-000000.json").read_text()) == {"caption": "Reach"}
    with pytest.raises(TooShortError, match="20 frames, a training video needs 93"):
        export(source, tmp_path / "short", "predict")


def test_every_image_is_built_from_a_commit_upon_a_digest():
    commands = image_commands("robots.example")
    projects = [line for line in commands.build if "--build-arg BASE_IMAGE" in line]
    pinned = r"BASE_IMAGE=nvidia/cuda:\S+@sha256:[0-9a-f]{64} .*cosmos-(transfer|predict)2\.5\.git#[0-9a-f]{40}$"
    assert len(projects) == 2
    assert all(re.search(pinned, line) for line in projects)
    assert commands.build[-1].startswith("docker build --file synthetic-data/cosmos/Containerfile ")
    assert re.fullmatch(r"docker pull vllm/vllm-openai:v\S+@sha256:[0-9a-f]{64}", *commands.pull)


@pytest.mark.parametrize(("image", "code"), [("cosmos@sha256:" + "0" * 64, 0), ("cosmos:latest", 1)])
def test_the_generator_is_built_only_upon_a_digest(pytestconfig, image, code):
    lines = (pytestconfig.rootpath / "synthetic-data/cosmos/Containerfile").read_text().splitlines()
    (guard,) = (line.removeprefix("RUN ") for line in lines if "case" in line)
    done = subprocess.run(["sh", "-c", guard], env={"TRANSFER": image}, capture_output=True, text=True)
    assert done.returncode == code
    assert ("has no digest" in done.stderr) == bool(code)
