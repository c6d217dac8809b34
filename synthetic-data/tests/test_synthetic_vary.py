import colorsys
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from physai.infrastructure.datasets import Dataset
from physai.infrastructure.tests.datasets_samples import CAMERA, STATE_FEATURES, write
from physai.synthetic_data.cli import app
from physai.synthetic_data.errors import NoCameraError
from physai.synthetic_data.photometric import Variation, apply, draw, hue_matrix
from physai.synthetic_data.vary import vary

AS_IT_WAS = Variation(brightness=0, contrast=1, hue_deg=0, noise=0)


def varied(level, **changes):
    frames = np.full((1, 32, 32, 3), level, np.uint8)
    return apply(frames, AS_IT_WAS.model_copy(update=changes), np.random.default_rng(0))


def test_no_variation_changes_nothing():
    frames = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    assert np.array_equal(apply(frames, AS_IT_WAS, np.random.default_rng(0)), frames)


def test_brightness_and_contrast_are_those_worked_by_hand():
    assert varied(100, brightness=0.1)[0, 0, 0, 0] == 126  # 100 + 25.5 = 125.5, to even 126
    assert varied(100, contrast=1.2)[0, 0, 0, 0] == 94  # (100 - 127.5) x 1.2 + 127.5 = 94.5, to even 94
    assert varied(250, brightness=0.1).max() == 255


def test_noise_has_the_strength_it_was_given():
    assert varied(128, noise=4.0).std() == pytest.approx(4.0, rel=0.05)


def test_a_third_of_a_turn_makes_red_green():
    assert hue_matrix(120) @ [1, 0, 0] == pytest.approx([0, 1, 0], abs=1e-6)


@given(st.floats(-180, 180), st.integers(0, 255))
def test_grey_has_no_hue_to_turn(hue_deg, level):
    assert hue_matrix(hue_deg) @ ([level] * 3) == pytest.approx([level] * 3, abs=1e-3)


@given(st.integers(0, 2**32))
def test_drawn_variations_are_mild(seed):
    variation = draw(np.random.default_rng(seed))
    turned = apply(np.full((1, 4, 4, 3), (180, 90, 60), np.uint8), variation, np.random.default_rng(seed))
    before, after = (colorsys.rgb_to_hsv(*colour)[0] for colour in [(180, 90, 60), turned.mean(axis=(0, 1, 2))])
    assert min(abs(before - after), 1 - abs(before - after)) < 0.1  # of a turn: still the same colour


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write(tmp_path_factory.mktemp("source") / "ds", [6, 5, 4], cameras=True)


def test_actions_and_states_stay_and_pictures_change(source, tmp_path):
    report = vary(source, tmp_path / "out", copies=2, publish_it=False)
    before, after = Dataset(source), Dataset(tmp_path / "out")
    assert after.lengths == [6, 5, 4] * 3
    assert report.frames == {CAMERA: 45}
    for copy in report.varied:
        for name in STATE_FEATURES:
            assert after.episode(copy.episode)[name].tobytes() == before.episode(copy.source_episode)[name].tobytes()
        pictures = after.frames(copy.episode, CAMERA), before.frames(copy.source_episode, CAMERA)
        assert not np.array_equal(*pictures)
    assert np.array_equal(after.frames(1, CAMERA), before.frames(1, CAMERA))  # originals are taken over


def test_the_same_seed_is_the_same_dataset_bit_by_bit(source, tmp_path):
    contents = [vary(source, tmp_path / str(i), seed=s, publish_it=False).content for i, s in enumerate([7, 7, 8])]
    assert contents[0] == contents[1] != contents[2]


def test_the_provenance_tells_how_a_copy_was_made(source, tmp_path):
    report = vary(source, tmp_path / "out", seed=7, publish_it=False)
    provenance = Dataset(tmp_path / "out").required_provenance
    assert provenance.parents == (report.parent,)
    copy = provenance.episodes[4]
    assert (copy.generator, copy.source_episode) == ("photometric-variation", 1)
    assert copy.parameters == {**report.varied[1].variation.model_dump(), "seed": 7, "copy": 0}
    assert provenance.episodes[0].generator == "expert"


def test_held_out_episodes_are_never_varied(tmp_path):
    root = write(tmp_path / "ds", [6, 5, 4], cameras=True)
    info = root / "meta/info.json"
    info.write_text(json.dumps({**json.loads(info.read_text()), "splits": {"train": "0:2", "heldout": "2:3"}}))
    provenance = Dataset(root).required_provenance
    provenance.model_copy(update={"content": Dataset(root).content_digest()}).write(root / "meta/provenance.json")
    vary(root, tmp_path / "out", publish_it=False)
    after = Dataset(tmp_path / "out")
    assert after.splits == {"train": range(4), "heldout": range(4, 5)}
    assert [source.source_episode for source in after.required_provenance.episodes] == [0, 1, 0, 1, 2]


def test_a_dataset_without_a_camera_is_refused(tmp_path):
    with pytest.raises(NoCameraError, match="no picture to vary"):
        vary(write(tmp_path / "ds", [5]), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command_prints_its_report_as_json(source, tmp_path):
    arguments = ["vary", str(source), "--output", str(tmp_path / "out"), "--no-publish", "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["episodes"] == 6
