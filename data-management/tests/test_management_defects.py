"""Every kind of defect in the catalogue is caught where it is planted; datasets without one pass, LeRobot's own too."""

import json
import shutil
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from physai.data_management.tools.catalogue import CATALOGUE
from physai.data_management.tools.checks import Limits
from physai.data_management.tools.edit import keep, trim
from physai.data_management.tools.quality import quality
from physai.data_management.tools.validate import validate
from physai.infrastructure.contracts import DatasetProvenance
from physai.infrastructure.datasets import Dataset, DatasetWriter, camera
from physai.infrastructure.datasets.stats import column_stats
from physai.infrastructure.errors import PhysaiError
from physai.infrastructure.tests.datasets_samples import CAMERA, FPS, STATE_FEATURES, columns, frames, source, write

DATA = "data/chunk-000/file-000.parquet"
EPISODES = "meta/episodes/chunk-000/file-000.parquet"
TASKS = "meta/tasks.parquet"
VIDEO = f"videos/{CAMERA}/chunk-000/file-000.mp4"
LENGTHS = [70, 12, 14]  # the first is long enough to tell a lag
STATE, ACTION = "observation.state", "action"

pytestmark = pytest.mark.filterwarnings("ignore")  # LeRobot, datasets and torchvision warn when imported


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    return write(tmp_path_factory.mktemp("clean") / "ds", LENGTHS, cameras=True)


def info(root, **changes):
    path = root / "meta/info.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def feature(root, name, **changes):
    content = json.loads((root / "meta/info.json").read_text())
    content["features"][name] |= changes
    info(root, features=content["features"])


def table(path, change):
    """Change columns of a parquet file, types kept."""
    old = pq.read_table(path)
    values = {name: old[name].to_pylist() for name in old.column_names}
    change(values)
    arrays = [pa.array(values[field.name], field.type) for field in old.schema]
    pq.write_table(pa.Table.from_arrays(arrays, schema=old.schema), path)


def cell(path, column, row, value):
    return lambda root: table(root / path, lambda values: values[column].__setitem__(row, value))


def rows(change, episode=0):
    """Change numbers of one episode, and its statistics with them, so that nothing else is wrong."""

    def plant(root):
        first, last = (0, LENGTHS[0]) if episode == 0 else (sum(LENGTHS[:episode]), sum(LENGTHS[: episode + 1]))
        changed = {}

        def rewrite(values):
            part = {name: np.array(values[name][first:last]) for name in (STATE, ACTION, "timestamp", "task_index")}
            change(part)
            for name, value in part.items():
                values[name][first:last] = value.tolist()
            changed.update(part)

        table(root / DATA, rewrite)

        def restat(values):
            for name, value in changed.items():
                for part, number in column_stats(value).items():
                    values[f"stats/{name}/{part}"][episode] = number.tolist()

        table(root / EPISODES, restat)
        aggregate(root)

    return plant


def aggregate(root):
    dataset = Dataset(root)
    path = root / "meta/stats.json"
    stats = json.loads(path.read_text())
    for name in (STATE, ACTION):
        values = np.concatenate([dataset.episode(i)[name] for i in range(dataset.num_episodes)])
        stats[name] |= {part: column_stats(values)[part].tolist() for part in ("min", "max", "mean", "std")}
    path.write_text(json.dumps(stats))


def put(column, index, value):
    return rows(lambda part: part[column].__setitem__(index, value))


def truncate(name, keep=0.5):
    def plant(root):
        content = (root / name).read_bytes()
        (root / name).write_bytes(content[: int(len(content) * keep)])

    return plant


def remove(name):
    return lambda root: (root / name).unlink()


def add(name, content=b"x"):
    def plant(root):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)

    return plant


def reencode(root, *, fps=FPS, size=(64, 64), codec="libsvtav1", gop=2, shown=lambda i: i, picture=None):
    """Write the video again, otherwise than it should be."""
    with av.open(str(root / VIDEO)) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    with av.open(str(root / VIDEO), "w") as container:
        options = {"g": str(gop), "crf": "30", "preset": "12"} if codec == "libsvtav1" else {"g": "2", "bf": "0"}
        stream = container.add_stream(codec, fps, options=options)
        stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, fps * 100)
        for i, rgb in enumerate(pictures):
            rgb = rgb if picture is None else picture(i, rgb)
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(size[1], size[0], "yuv420p")
            frame.pts, frame.time_base = round(shown(i) * 100), stream.codec_context.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def garble_packets(root):
    """Overwrite what is inside the packets, the index stays."""
    content = bytearray((root / VIDEO).read_bytes())
    start = content.index(b"mdat") + 4
    rng = np.random.default_rng(0)
    content[start + 200 : start + 4000] = rng.integers(0, 256, 3800, np.uint8).tobytes()
    (root / VIDEO).write_bytes(content)


def provenance(root, **changes):
    path = root / "meta/provenance.json"
    DatasetProvenance.read(path).model_copy(update=changes).write(path)


def half_stats(root):
    path = root / "meta/stats.json"
    stats = json.loads(path.read_text())
    del stats[ACTION]["std"]
    path.write_text(json.dumps(stats))


def other_total(root):
    path = root / "meta/stats.json"
    stats = json.loads(path.read_text())
    stats[ACTION]["std"][0] *= 2
    path.write_text(json.dumps(stats))


def drop_column(root):
    values = pq.read_table(root / DATA)
    pq.write_table(values.drop_columns([ACTION]), root / DATA)


def extra_column(root):
    values = pq.read_table(root / DATA)
    pq.write_table(values.append_column("force", pa.array(np.zeros(len(values)))), root / DATA)


def other_type(root):
    values = pq.read_table(root / DATA)
    wide = values[ACTION].cast(pa.list_(pa.float64(), 3))
    pq.write_table(values.set_column(values.column_names.index(ACTION), ACTION, wide), root / DATA)


def fewer_rows(root):
    pq.write_table(pq.read_table(root / DATA).slice(0, sum(LENGTHS) - 1), root / DATA)


def fewer_frames(root):
    from physai.infrastructure.datasets.video import VideoFile

    with VideoFile(root / "short.mp4", FPS) as file:
        file.append(root / VIDEO, 0, sum(LENGTHS) - 2)
    (root / "short.mp4").replace(root / VIDEO)


def duplicate(root):
    shutil.rmtree(root)
    with DatasetWriter(root, fps=FPS, features=STATE_FEATURES, robot="arm", task="Reach") as writer:
        for seed in (0, 1, 0):
            writer.add_episode(columns(20, seed), source=source(seed))


def short(root):
    shutil.rmtree(root)
    write(root, [60, 60, 60, 60, 5])


def broken_lineage(root):
    keep(root, [0, 1])
    shutil.rmtree(root / "meta/ancestors")
    provenance(root, content=Dataset(root).content_digest())


def late(part):
    """The state follows 16 rows (0.8 s) behind a step-like command."""
    at = np.arange(LENGTHS[0])

    def step(centre):
        return (np.tanh((at - centre) / 3) * 0.2).astype(np.float32)[:, None] + np.zeros(3, np.float32)

    part[ACTION][:], part[STATE][:] = step(25), step(41)


def still(part):
    for name in (STATE, ACTION):
        part[name][:] = part[name][0]


def constant(root):
    for episode in range(3):
        rows(lambda part: [part[name].__setitem__((slice(None), 2), 0.5) for name in (STATE, ACTION)], episode)(root)


def spike(part):
    part[ACTION][30, 1] += 3


PLANT = {
    "info": add("meta/info.json", b'{"codebase_version": "v3.0", "fps": 0}'),
    "version": lambda root: info(root, codebase_version="v2.1"),
    "episodes-file": truncate(EPISODES),
    "tasks-file": truncate(TASKS),
    "data-missing": remove(DATA),
    "data-torn": truncate(DATA),
    "column-missing": drop_column,
    "column-extra": extra_column,
    "column-type": other_type,
    "video-missing": remove(VIDEO),
    "video-torn": truncate(VIDEO, 0.9),
    "orphan": add("data/chunk-000/file-007.parquet"),
    "leftover": add("images/observation.images.top/episode-000003/frame-000000.png"),
    "total-episodes": lambda root: info(root, total_episodes=4),
    "total-frames": lambda root: info(root, total_frames=99),
    "total-tasks": lambda root: info(root, total_tasks=2),
    "episode-numbers": cell(EPISODES, "episode_index", 1, 5),
    "episode-bounds": cell(EPISODES, "dataset_from_index", 1, 71),
    "episode-length": cell(EPISODES, "length", 1, 11),
    "row-count": fewer_rows,
    "frame-count": fewer_frames,
    "video-bounds": cell(EPISODES, f"videos/{CAMERA}/to_timestamp", 0, 3.0),
    "split": lambda root: info(root, splits={"train": "0:2", "val": "1:3"}),
    "index": cell(DATA, "frame_index", 4, 5),
    "time": put("timestamp", 20, 1.01),
    "time-back": put("timestamp", 20, 0.1),
    "task": cell(EPISODES, "tasks", 0, ["Lift"]),
    "finite": cell(DATA, ACTION, 3, [0.0, float("nan"), 0.0]),
    "stats-missing": half_stats,
    "stats-episode": cell(EPISODES, f"stats/{ACTION}/mean", 1, [3.0, 3.0, 3.0]),
    "stats-dataset": other_total,
    "frozen": rows(lambda part: part[STATE].__setitem__((slice(None), 0), 0.25)),
    "speed": put(STATE, 30, 9.0),
    "command-jump": rows(spike),
    "dead-command": rows(lambda part: part[ACTION].__setitem__(slice(None), 0.1)),
    "lag": rows(late),
    "motionless": rows(still),
    "short": short,
    "constant": constant,
    "duplicate": duplicate,
    "outcome": lambda root: provenance(
        root, episodes=tuple(source(i, episode=i, outcome="failure") for i in range(len(LENGTHS)))
    ),
    "picture-size": lambda root: feature(root, CAMERA, shape=[48, 64, 3]),
    "picture-codec": lambda root: reencode(root, codec="libx264"),
    "picture-rate": lambda root: reencode(root, fps=10),
    "frame-time": lambda root: reencode(root, shown=lambda i: i + 0.4 * (i == 31)),
    "keyframe": lambda root: reencode(root, gop=40),
    "picture-torn": garble_packets,
    "camera-frozen": lambda root: reencode(root, picture=lambda i, rgb: frames(1)[0]),
    "camera-black": lambda root: reencode(root, picture=lambda i, rgb: rgb * 0),
    "stats-camera": cell(EPISODES, f"stats/{CAMERA}/mean", 0, [[[0.9]], [[0.1]], [[0.9]]]),
    "content": lambda root: (root / "README.md").write_text("changed"),
    "provenance": add("meta/provenance.json", b"{"),
    "ancestor": broken_lineage,
}


def test_the_catalogue_has_at_least_thirty_kinds_and_each_is_planted():
    assert len(CATALOGUE) >= 30
    assert PLANT.keys() == CATALOGUE.keys()


@pytest.mark.parametrize("defect", CATALOGUE)
def test_a_planted_defect_is_caught(clean, tmp_path, defect):
    root = Path(shutil.copytree(clean, tmp_path / "ds"))
    PLANT[defect](root)
    report = validate(root, Limits())
    found = {finding.defect for finding in report.findings}
    assert defect in found
    assert report.passed == all(CATALOGUE[name].severity == "warn" for name in found)
    assert all(finding.detail and finding.mend for finding in report.findings)


def other_values(path, column, value):
    def plant(root):
        old = pq.read_table(root / path)
        wrong = pa.array([value] * len(old))
        pq.write_table(old.set_column(old.column_names.index(column), column, wrong), root / path)

    return plant


WRONG = {
    **{
        f"{column} = {value!r}": other_values(path, column, value)
        for path, names in (
            (
                EPISODES,
                ("length", "tasks", "data/file_index", f"videos/{CAMERA}/from_timestamp", f"stats/{ACTION}/max"),
            ),
            (DATA, (ACTION, "index", "timestamp", "task_index")),
        )
        for column in names
        for value in (None, "x", [1.0], [])
        if (column, value) != (f"stats/{ACTION}/max", None)
    },
    **{
        f"stats.json = {text}": add("meta/stats.json", text.encode()) for text in ("{]", "[1]", "null", '{"action": 1}')
    },
    "data_path": lambda root: info(root, data_path="data/{nowhere}.parquet"),
    "video_path": lambda root: info(root, video_path="{"),
    "no index": lambda root: info(root, features={}),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_of_another_kind_is_a_finding_and_never_a_traceback(clean, tmp_path, wrong):
    root = Path(shutil.copytree(clean, tmp_path / "ds"))
    WRONG[wrong](root)
    assert validate(root, Limits(), decode=False).findings
    with suppress(PhysaiError):
        quality(root)


def test_a_clean_dataset_has_no_finding(clean):
    for decode in (True, False):
        report = validate(clean, Limits(), decode=decode)
        assert report.findings == ()
        assert (report.passed, report.decoded, report.rows) == (True, decode, sum(LENGTHS))


def test_an_edited_dataset_has_no_finding(clean, tmp_path):
    trim(clean, {0: (3, 66), 2: (0, 9)}, output=tmp_path / "trimmed")
    keep(tmp_path / "trimmed", [0, 2])
    assert validate(tmp_path / "trimmed", Limits()).findings == ()


@pytest.mark.parametrize("codec", ["libsvtav1", "h264"])
def test_a_dataset_that_lerobot_wrote_has_no_finding(tmp_path, codec):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("HF_HOME", str(tmp_path / "hf"))
        from lerobot.configs import RGBEncoderConfig
        from lerobot.datasets.lerobot_dataset import LeRobotDataset

        features = {n: f.model_dump(exclude={"info"}) for n, f in {**STATE_FEATURES, CAMERA: camera(64, 64)}.items()}
        dataset = LeRobotDataset.create(
            "local/theirs",
            fps=FPS,
            root=tmp_path / "theirs",
            features=features,
            robot_type="arm",
            use_videos=True,
            rgb_encoder=RGBEncoderConfig(vcodec=codec),
        )
        for seed, rows in enumerate((30, 9, 12)):
            values, pictures = columns(rows, seed), frames(rows, seed)
            for row in range(rows):
                frame = {name: column[row] for name, column in values.items()}
                dataset.add_frame({**frame, CAMERA: pictures[row], "task": "Reach" if seed else "Lift"})
            dataset.save_episode()
        dataset.finalize()
    assert validate(tmp_path / "theirs", Limits()).findings == ()
    trim(tmp_path / "theirs", {0: (3, 22)}, output=tmp_path / "trimmed")
    assert validate(tmp_path / "trimmed", Limits()).findings == ()
