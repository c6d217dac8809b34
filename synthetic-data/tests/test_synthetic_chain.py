import json
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from physai.infrastructure.contracts import (
    Clip,
    GenerationPlan,
    PatternRanges,
    Variations,
    VerificationReport,
    digest_bytes,
    digest_file,
)
from physai.infrastructure.contracts.synthetic import TurnRanges
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.datasets.video import decode, encode
from physai.synthetic_data.backend import Made, Request
from physai.synthetic_data.cli import app
from physai.synthetic_data.cosmos.inputs import transfer_inputs
from physai.synthetic_data.draw import draw
from physai.synthetic_data.errors import (
    DamagedPlanError,
    DepthCameraError,
    NoCameraError,
    NoEpisodeError,
    NoModelError,
    NothingAcceptedError,
    OtherDatasetError,
    OtherPlanError,
)
from physai.synthetic_data.generate import generate, made_clip
from physai.synthetic_data.local import LocalBackend
from physai.synthetic_data.plan import make_plan
from physai.synthetic_data.tests import arm
from physai.synthetic_data.verify.run import measure, verify
from physai.synthetic_data.write import write

LENGTHS = [24, 22, 26, 20]
VARIED = Variations(
    copies=2,
    texture=PatternRanges(share=0.5, looks=("gradient", "noise")),
    background=PatternRanges(share=0.3, looks=("checker",)),
    camera=TurnRanges(share=0.5),
)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return arm.write(tmp_path_factory.mktemp("source") / "ds", LENGTHS, heldout=1)


@pytest.fixture(scope="module")
def made(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    plan = make_plan(source, VARIED)
    generate(plan, source, folder / "clips", LocalBackend())
    report = verify(plan, source, folder / "clips")
    written = write(plan, source, folder / "clips", report, folder / "out", publish_it=False)
    return plan, folder / "clips", report, folder / "out", written


def test_held_out_episodes_are_never_varied(made):
    plan, *_ = made
    assert sorted({generation.episode for generation in plan.generations}) == [0, 1, 2]
    assert len(plan.generations) == 6


def test_every_dimension_is_covered_evenly_however_few_are_drawn():
    light = [variation.photometric.brightness for variation in draw(Variations(seed=3), 10)]
    tenths = sorted(int((value + 0.12) / 0.024) for value in light)
    assert tenths == list(range(10))


@pytest.mark.parametrize(
    ("ranges", "why"),
    [
        ({"objects": {"count": [3, 1]}}, "`count`: 3 is above 1; give the lower one first"),
        ({"objects": {"radius_m": [0.1, 0.05]}}, "`radius_m`: 0.1 is above 0.05"),
        ({"objects": {"shapes": []}}, "at least 1 item"),
        ({"texture": {"share": 1, "looks": []}}, "at least 1 item"),
        ({"light": {"temperature_k": [100, 3000]}}, "greater than or equal to 1667"),
        ({"camera": {"pan_deg": [-40, 40]}}, "greater than or equal to -20"),
    ],
)
def test_ranges_of_which_nothing_can_be_drawn_are_refused_in_the_file(ranges, why):
    with pytest.raises(ValidationError, match=why):
        Variations.model_validate_json(json.dumps({"backend": "simulation", **ranges}))


def test_a_plan_says_what_it_costs(source):
    cosmos = make_plan(source, Variations(backend="cosmos", prompts=("a kitchen",)))
    # three clips of one chunk of 445.52 s each on one H100 NVL at 6.98 USD an hour
    assert cosmos.cost.gpu_hours == pytest.approx(3 * 445.52 / 3600, abs=1e-4)
    assert cosmos.cost.usd == pytest.approx(3 * 445.52 / 3600 * 6.98, abs=0.01)
    assert (cosmos.cost.gpu, cosmos.cost.vm_size) == ("H100 NVL", "Standard_NC40ads_H100_v5")


def test_clean_clips_are_accepted(made):
    _, _, report, _, _ = made
    assert [clip.reasons for clip in report.clips if not clip.accepted] == []


def test_accepted_clips_carry_the_actions_of_their_source_and_their_lineage(made, source):
    plan, _, report, out, written = made
    before, after = Dataset(source), Dataset(out)
    assert after.lengths == [24, 22, 26, 24, 22, 26, 24, 22, 26, 20]
    assert after.splits == {"train": range(9), "heldout": range(9, 10)}
    assert written.frames == {arm.CAMERA: sum(after.lengths)}
    episode = after.required_provenance.episodes[4]
    assert (episode.generator, episode.source, episode.source_episode) == ("synthetic-local", plan.dataset, 1)
    assert episode.generated is not None
    assert episode.generated.plan == plan.digest
    assert episode.generated.request == plan.request(plan.generations[1])
    assert episode.generated.model_digest == LocalBackend().digest
    assert episode.generated.scores == report.clips[1].scores
    light = plan.generations[1].variation.photometric
    assert episode.parameters["photometric.contrast"] == light.contrast
    for name in ("observation.state", "action"):
        assert after.episode(4)[name].tobytes() == before.episode(1)[name].tobytes()


def test_the_verdicts_lie_beside_the_written_dataset(made):
    plan, _, report, out, _ = made
    verification = Dataset(out).verification
    (verdicts,) = verification.plans
    assert (verdicts.plan, verdicts.dataset) == (plan.digest, plan.dataset)
    assert [clip.episode for clip in verdicts.clips] == [3, 4, 5, 6, 7, 8]
    assert [clip.source_episode for clip in verdicts.clips] == [0, 1, 2, 0, 1, 2]
    assert verification.of_episode(4) == (verdicts, verdicts.clips[1])
    assert verdicts.clips[1].scores == report.clips[1].scores
    assert verification.of_episode(0) is None
    assert verdicts.thresholds["lag_rows"].side == "at most"


def test_what_is_varied_again_keeps_its_earlier_verdicts(made, tmp_path):
    first, _, _, out, _ = made
    again = make_plan(out, Variations(seed=9))
    assert [generation.episode for generation in again.generations] == [0, 1, 2]  # 3 to 8 are generated
    again = again.model_copy(update={"generations": again.generations[:2]})
    generate(again, out, tmp_path / "clips", LocalBackend())
    report = verify(again, out, tmp_path / "clips")
    write(again, out, tmp_path / "clips", report, tmp_path / "out", publish_it=False)
    earlier, later = Dataset(tmp_path / "out").verification.plans
    assert (earlier.plan, later.plan) == (first.digest, again.digest)
    assert [clip.episode for clip in earlier.clips] == [3, 4, 5, 6, 7, 8]
    assert [clip.episode for clip in later.clips] == [9, 10]  # then the held-out one, 11


def test_a_second_run_of_the_same_plan_is_bit_identical(made, source, tmp_path):
    plan, _, _, _, written = made
    generate(plan, source, tmp_path / "clips", LocalBackend())
    report = verify(plan, source, tmp_path / "clips")
    again = write(plan, source, tmp_path / "clips", report, tmp_path / "out", publish_it=False)
    assert again.content == written.content


def test_rejected_clips_are_left_out_and_their_reasons_kept(made, source, tmp_path):
    plan, clips, report, _, _ = made
    bad = report.clips[0].model_copy(update={"accepted": False, "reasons": ("lag_rows: 3, must be at most 0.75",)})
    changed = report.model_copy(update={"clips": (bad, *report.clips[1:])})
    written = write(plan, source, clips, changed, tmp_path / "out", publish_it=False)
    assert (written.generated, written.rejected) == (5, 1)
    (dropped,) = Dataset(tmp_path / "out").required_provenance.dropped
    assert dropped.reason == "e0000-v00: lag_rows: 3, must be at most 0.75"
    rejected = Dataset(tmp_path / "out").verification.plans[0].clips[0]
    assert (rejected.accepted, rejected.episode, rejected.reasons) == (False, None, bad.reasons)
    none = report.model_copy(update={"clips": tuple(c.model_copy(update={"accepted": False}) for c in report.clips)})
    with pytest.raises(NothingAcceptedError, match="none of 6 clips"):
        write(plan, source, clips, none, tmp_path / "none")


def test_a_killed_run_goes_on_without_making_finished_clips_again(made, source, tmp_path):
    plan, *_ = made
    plan.write(tmp_path / "plan.json")
    command = [sys.executable, "-c", "from physai.infrastructure.cli import main; main()", "synthetic-data", "generate"]
    arguments = [str(tmp_path / "plan.json"), str(source), "--output", str(tmp_path / "clips")]
    process = subprocess.Popen([*command, *arguments], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list((tmp_path / "clips").glob("e*/clip.json")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    there = {path: path.stat().st_mtime_ns for path in (tmp_path / "clips").glob("e*/*")}
    assert there
    report = generate(plan, source, tmp_path / "clips", LocalBackend())
    assert report.made == 6 - len({path.parent for path in there})
    assert {path: path.stat().st_mtime_ns for path in there} == there
    assert generate(plan, source, tmp_path / "clips", LocalBackend()).made == 0


def test_a_clip_that_was_changed_is_made_again(made, source, tmp_path):
    plan, *_ = made
    generate(plan, source, tmp_path / "clips", LocalBackend())
    (tmp_path / "clips/e0001-v00" / f"{arm.CAMERA}.mp4").write_bytes(b"torn")
    rejected = {clip.id: clip.reasons for clip in verify(plan, source, tmp_path / "clips").clips if not clip.accepted}
    assert rejected.keys() == {"e0001-v00"}
    assert "digest" in rejected["e0001-v00"][0]
    assert generate(plan, source, tmp_path / "clips", LocalBackend()).made == 1


def test_a_clip_that_is_another_one_than_was_checked_is_not_written(made, source, tmp_path):
    plan, clips, report, _, _ = made
    shutil.copytree(clips, tmp_path / "clips")
    record = tmp_path / "clips/e0000-v00/clip.json"
    video = tmp_path / "clips/e0000-v00" / f"{arm.CAMERA}.mp4"
    frames = decode(video, 0, 24, plan.fps, 0)
    video.write_bytes(encode(255 - frames, plan.fps).getvalue())
    Clip.read(record).model_copy(update={"videos": {arm.CAMERA: digest_file(video)}}).write(record)
    written = write(plan, source, tmp_path / "clips", report, tmp_path / "out", publish_it=False)
    assert (written.generated, written.rejected) == (5, 1)
    (dropped,) = Dataset(tmp_path / "out").required_provenance.dropped
    assert dropped.reason == "e0000-v00: changed: the clip is not the one that was checked"


def test_where_no_clip_is_the_one_that_was_checked_no_dataset_appears(made, source, tmp_path):
    plan, _, report, _, _ = made
    (tmp_path / "clips").mkdir()
    with pytest.raises(NothingAcceptedError, match=r"none of 6 clips was accepted, e\.g\. changed"):
        write(plan, source, tmp_path / "clips", report, tmp_path / "out", publish_it=False)
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def one(source, tmp_path_factory):
    """A plan of one clip, and a folder that has it."""
    folder = tmp_path_factory.mktemp("one") / "clips"
    plan = make_plan(source, Variations())
    plan = plan.model_copy(update={"generations": plan.generations[:1]})
    assert generate(plan, source, folder, LocalBackend()).made == 1
    return plan, folder


def test_a_clip_whose_record_tells_of_another_generation_is_made_again(one, tmp_path):
    plan, folder = one
    shutil.copytree(folder, tmp_path / "clips")
    (generation,) = plan.generations
    record = tmp_path / "clips" / generation.id / "clip.json"
    assert made_clip(plan, tmp_path / "clips", generation)
    other = generation.model_copy(update={"seed": generation.seed + 1})
    Clip.read(record).model_copy(update={"generation": other}).write(record)
    assert made_clip(plan, tmp_path / "clips", generation) is None


def test_a_record_has_no_say_in_what_the_checks_see(one, source):
    plan, folder = one
    (generation,) = plan.generations
    clip = made_clip(plan, folder, generation)
    frames = {arm.CAMERA: decode(folder / generation.id / f"{arm.CAMERA}.mp4", 0, 24, plan.fps, 0)}
    claimed = clip.model_copy(update={"measured": {"fit": -1.0, "replay_rad": 0.5}})
    found = measure(Request(generation, plan, Dataset(source)), claimed, frames)
    assert found["fit"] > 0.9
    assert found["replay_rad"] == 0.5


def test_a_simulated_clip_without_the_simulators_scores_is_rejected(source, tmp_path):
    plan = make_plan(source, Variations(backend="simulation"))
    plan = plan.model_copy(update={"generations": plan.generations[:1]})
    generate(plan, source, tmp_path / "clips", LocalBackend())
    (verdict,) = verify(plan, source, tmp_path / "clips").clips
    assert verdict.reasons == ("record: the backend did not measure links_m, replay_rad",)


class Knowing(LocalBackend):
    """Knows of each pixel how far it is, too."""

    def generate(self, requests):
        for made in super().generate(requests):
            yield made._replace(truth={arm.CAMERA: {"depth_mm": np.ones((24, 2, 2), np.uint16)}})


def test_arrays_that_were_changed_are_found(one, source, tmp_path):
    plan, _ = one
    generate(plan, source, tmp_path / "clips", Knowing())
    assert verify(plan, source, tmp_path / "clips").accepted == 1
    (tmp_path / "clips/e0000-v00" / f"{arm.CAMERA}.truth.npz").write_bytes(b"torn")
    (verdict,) = verify(plan, source, tmp_path / "clips").clips
    assert verdict.reasons == (f"digest: the arrays are not those that were generated of {arm.CAMERA}, control truth",)


def test_what_was_generated_before_is_not_counted_as_real(made):
    plan, _, _, out, _ = made
    again = make_plan(out, VARIED)
    assert {row.dimension: row.real for row in again.coverage} == {row.dimension: row.real for row in plan.coverage}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"id": "../precious"}, "clip '../precious': its name cannot be that of a folder"),
        ({"id": ""}, "clip '': its name cannot be that of a folder"),
        ({"episode": 4}, "clip 'e0000-v00': the dataset has no episode 4"),
        ({"episode": -1}, "clip 'e0000-v00': the dataset has no episode -1"),
    ],
)
def test_a_plan_that_leaves_its_folder_or_its_dataset_touches_nothing(one, source, tmp_path, change, why):
    plan, _ = one
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/notes.txt").write_text("kept")
    damaged = plan.model_copy(update={"generations": (plan.generations[0].model_copy(update=change),)})
    with pytest.raises(DamagedPlanError, match=why):
        generate(damaged, source, tmp_path / "clips", LocalBackend())
    assert (tmp_path / "precious/notes.txt").read_text() == "kept"


def test_a_plan_of_another_camera_is_refused(one, source, tmp_path):
    plan, _ = one
    damaged = plan.model_copy(update={"cameras": ("../aside",)})
    with pytest.raises(DamagedPlanError, match=r"camera '\.\./aside': the dataset has observation\.images\.front"):
        transfer_inputs(damaged, source, tmp_path / "inputs")
    assert list(tmp_path.iterdir()) == []


def asking(plan, **change):
    return plan.model_copy(update={"variations": plan.variations.model_copy(update=change)})


def moved(plan):
    view = plan.scene.views[arm.CAMERA].model_copy(update={"field_of_view_deg": 46.0})
    return plan.model_copy(update={"scene": plan.scene.model_copy(update={"views": {arm.CAMERA: view}})})


def seeded(plan):
    return plan.model_copy(update={"generations": (plan.generations[0].model_copy(update={"seed": 7}),)})


@pytest.mark.parametrize(
    "change",
    [
        moved,
        seeded,
        lambda plan: asking(plan, backend="simulation"),
        lambda plan: asking(plan, start_from="simulation"),
        lambda plan: asking(plan, keep_robot=True),
        lambda plan: asking(plan, replay="states"),
        lambda plan: asking(plan, tolerance_rad=0.1),
    ],
    ids=["scene", "seed", "backend", "start_from", "keep_robot", "replay", "tolerance_rad"],
)
def test_a_clip_that_another_plan_asked_for_is_made_again(one, source, tmp_path, change):
    plan, folder = one
    shutil.copytree(folder, tmp_path / "clips")
    other = change(plan)
    (verdict,) = verify(other, source, tmp_path / "clips").clips
    assert verdict.reasons == ("record: the clip is not what the plan asks for; it was made by backend 'local'",)
    assert made_clip(other, tmp_path / "clips", other.generations[0]) is None
    assert generate(other, source, tmp_path / "clips", LocalBackend()).made == 1
    assert generate(other, source, tmp_path / "clips", LocalBackend()).made == 0


def test_a_clip_of_another_model_is_made_again(one, source, tmp_path):
    plan, folder = one
    shutil.copytree(folder, tmp_path / "clips")
    newer = LocalBackend()
    newer.digest = digest_bytes(b"newer")
    assert generate(plan, source, tmp_path / "clips", newer).made == 1
    assert generate(plan, source, tmp_path / "clips", newer).made == 0


def test_a_plan_that_asks_for_more_keeps_what_it_asked_for_before(one, source):
    plan, folder = one
    larger = asking(plan, copies=3, seed=4, prompts=("of no use here",)).model_copy(update={"coverage": ()})
    assert larger.digest != plan.digest
    assert generate(larger, source, folder, LocalBackend()).made == 0


class Failing(LocalBackend):
    """Delivers what backends deliver on bad days."""

    def generate(self, requests):
        for number, made in enumerate(super().generate(requests)):
            frames = made.frames[arm.CAMERA]
            wrong = [frames[:-5], frames[:, ::2, ::2], None, frames]
            if number == 4:
                return
            if number == 3:
                yield Made(made.id, {}, {}, "exit: the program ended with 1: out of memory")
            elif wrong[number] is None:
                yield Made(made.id, {}, {})
            else:
                yield made._replace(frames={arm.CAMERA: wrong[number]})


def test_what_a_backend_gets_wrong_has_a_name(made, source, tmp_path):
    plan, *_ = made
    failed = generate(plan, source, tmp_path / "clips", Failing()).failed
    assert list(failed.values()) == [
        "too-few-frames: 19 of 24 of observation.images.front",
        "wrong-size: (32, 32, 3) instead of (64, 64, 3) of observation.images.front",
        "nothing: no video of observation.images.front",
        "exit: the program ended with 1: out of memory",
        "nothing: the backend delivered no clip",
        "nothing: the backend delivered no clip",
    ]
    verdicts = verify(plan, source, tmp_path / "clips").clips
    assert [verdict.reasons[0] for verdict in verdicts] == list(failed.values())
    assert Clip.read(tmp_path / "clips/e0000-v00/clip.json").failure.startswith("too-few-frames")
    assert generate(plan, source, tmp_path / "clips", LocalBackend()).made == 6


def test_other_data_than_planned_is_refused(made, tmp_path):
    plan, clips, report, _, _ = made
    other = arm.write(tmp_path / "ds", [20])
    with pytest.raises(OtherDatasetError, match="the plan is of"):
        generate(plan, other, tmp_path / "clips", LocalBackend())
    with pytest.raises(OtherPlanError, match="Verify the clips"):
        write(make_plan(other, VARIED), other, clips, report, tmp_path / "out")


def test_a_dataset_that_cannot_be_varied_is_refused(tmp_path):
    from physai.infrastructure.tests import datasets_samples as samples

    with pytest.raises(NoCameraError, match="no picture to vary"):
        make_plan(samples.write(tmp_path / "blind", [5]), Variations())
    with pytest.raises(DepthCameraError, match=f"'{samples.DEPTH}' is depth, and no backend"):
        make_plan(samples.write(tmp_path / "deep", [5], cameras=True, depth=True), Variations())
    with pytest.raises(NoEpisodeError, match="none of 1 episodes is both recorded and for training"):
        make_plan(arm.write(tmp_path / "held", [5], heldout=1), Variations())
    with pytest.raises(NoModelError, match="robot 'arm'"):
        make_plan(samples.write(tmp_path / "arm", [5], cameras=True), Variations())


def test_the_commands_do_the_same(source, tmp_path):
    (tmp_path / "light.yaml").write_text("kind: variations\nversion: 1\ncopies: 1\nphotometric: {noise: [0, 1]}\n")
    plan, report = tmp_path / "plan.json", tmp_path / "report.json"
    clips, out = tmp_path / "clips", tmp_path / "out"
    for arguments in (
        ["plan", source, "--variations", tmp_path / "light.yaml", "--output", plan],
        ["generate", plan, source, "--output", clips],
        ["verify", plan, source, clips, "--output", report],
        ["write", plan, source, clips, report, "--output", out, "--no-publish", "--json"],
    ):
        result = CliRunner().invoke(app, [str(word) for word in arguments])
        assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["episodes"] == 7
    assert GenerationPlan.read(plan).digest == VerificationReport.read(report).plan
