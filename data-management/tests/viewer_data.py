"""Small datasets and a running viewer, for as long as a test needs them."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest
import uvicorn
from azure.storage.blob import ContainerClient
from fastapi import FastAPI
from numpy.typing import NDArray
from starlette.requests import Request

from physai.data_management.viewer.identity import Person, Role
from physai.data_management.viewer.places import Catalog, open_place
from physai.data_management.viewer.service import Desk, create_app
from physai.infrastructure.contracts import (
    DatasetVerification,
    DroppedEpisode,
    EpisodeSource,
    Generated,
    JudgeVote,
    PlanVerdicts,
    Threshold,
    VerifiedClip,
)
from physai.infrastructure.contracts.evaluation import FILM, ROLLOUTS
from physai.infrastructure.datasets import Dataset, DatasetWriter, Feature, camera, depth_camera, vector
from physai.infrastructure.datasets.stats import image_stats
from physai.infrastructure.storage import open_store
from physai.infrastructure.tests.storage_azurite import ACCOUNT, azurite, connection_string

FPS, ROWS, EDGE = 10, 30, 64
JOINTS = ("shoulder", "elbow")
DEPTH = "observation.images.depth"
CAMERAS = ("observation.images.front", "observation.images.wrist")


def frames(episode: int, number: int) -> NDArray[np.uint8]:
    """Grey that tells the episode (green) and the row (red), so that a test sees which frame is shown."""
    picture = np.zeros((ROWS, EDGE, EDGE, 3), dtype=np.uint8)
    picture[..., 0] = (np.arange(ROWS) * 8)[:, None, None]
    picture[..., 1] = 60 * episode + 40
    picture[..., 2] = 200 * number
    return picture


def distances(episode: int) -> NDArray[np.uint16]:
    """A wall as far as the row tells, from 1 m on by 0.25 m, of which the left is not measured."""
    depth = np.zeros((ROWS, EDGE, EDGE, 1), dtype=np.uint16)
    depth[:, :, EDGE // 4 :] = (1000 + 250 * np.arange(ROWS) + episode)[:, None, None, None]
    return depth


def columns(episode: int) -> dict[str, NDArray[np.float32]]:
    phase = np.linspace(0, 2 * np.pi, ROWS)[:, None] + np.arange(len(JOINTS)) + episode
    state = np.sin(phase).astype(np.float32)
    return {"observation.state": state, "action": np.cos(phase).astype(np.float32)}


def source(episode: int, **update: Any) -> EpisodeSource:
    told = {"source": f"sha256:{episode:064x}", "generator": "expert", "world": "real", "seed": 0}
    outcome = "failure" if episode == 1 else "success"
    return EpisodeSource.model_validate({"episode": 0, "outcome": outcome, **told, **update})


def write_h264(path: Path, pictures: NDArray[np.uint8]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", FPS, options={"g": "2", "bf": "0"})
        stream.height, stream.width, stream.pix_fmt = EDGE, EDGE, "yuv420p"
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def make_dataset(
    root: Path,
    episodes: int = 3,
    *,
    codec: str = "av1",
    cameras: tuple[str, ...] = CAMERAS,
    depth: bool = False,
    **told: Any,
) -> Path:
    """A dataset whose episodes lie in one video file per camera; episode 1 has failed."""
    features = {"observation.state": vector(JOINTS), "action": vector(JOINTS)}
    features |= {name: camera(EDGE, EDGE) for name in cameras}
    features |= {DEPTH: depth_camera(EDGE, EDGE, "mm")} if depth else {}
    with DatasetWriter(root, fps=FPS, features=features, robot="so101", task="Put the cube into the ring") as writer:
        for episode in range(episodes):
            pictures: dict[str, NDArray[Any]] = {name: frames(episode, i) for i, name in enumerate(cameras)}
            pictures |= {DEPTH: distances(episode)} if depth else {}
            if codec == "av1":
                writer.add_episode(columns(episode), pictures, source=source(episode, **told))
                continue
            clips = {
                name: write_h264(writer.scratch / f"{episode}-{name}.mp4", shown) for name, shown in pictures.items()
            }
            stats = {name: image_stats(shown) for name, shown in pictures.items()}
            writer.add_clips(columns(episode), clips, stats, source=source(episode, **told))
    return root


CONDITIONS = f"sha256:{'c' * 64}"
THRESHOLDS = {
    "fit": Threshold(limit=0.965, side="at least"),
    "lag_rows": Threshold(limit=0.75, side="at most"),
}


def make_rollouts(evaluation: Path, policy: str, successes: tuple[bool, ...], *, told: bool = True) -> Path:
    """What an evaluation leaves: rollouts of a policy under conditions, and a film of the first.

    Args:
        evaluation: Its folder.
        policy: Digest.
        successes: Of each condition.
        told: Whether the provenance tells the outcome; the column `next.success` always does.
    """
    root = evaluation / ROLLOUTS
    flag = Feature(dtype="bool", shape=(1,))
    features = {name: vector(JOINTS) for name in ("observation.state", "action")}
    features |= {"next.success": flag, CAMERAS[0]: camera(EDGE, EDGE)}
    with DatasetWriter(root, fps=FPS, features=features, robot="so101", task="Put the cube into the ring") as writer:
        for number, success in enumerate(successes):
            outcome = "unknown" if not told else "success" if success else "failure"
            from_ = source(
                number, source=CONDITIONS, source_episode=number, generator=policy, world="nominal", outcome=outcome
            )
            flags = (np.arange(ROWS) == ROWS - 1) & success
            writer.add_episode(
                {**columns(number), "next.success": flags}, {CAMERAS[0]: frames(number, 0)}, source=from_
            )
    write_h264(evaluation / FILM, frames(0, 1))
    return root


def make_synthetic(root: Path, parent: Path, plan: str = f"sha256:{'a' * 64}") -> Path:
    """The recorded episodes, a clip of episodes 0 and 2 each, and a rejected one of episode 1."""
    dataset = Dataset(parent)
    content = dataset.required_provenance.content
    clips = [
        VerifiedClip(
            id="e0000-v00",
            accepted=True,
            scores={"fit": 0.98, "lag_rows": 0.1},
            source_episode=0,
            episode=3,
            vote=JudgeVote(plausible=True, reason="The cube is put into the ring."),
        ),
        VerifiedClip(
            id="e0001-v00",
            accepted=False,
            scores={"fit": 0.51, "lag_rows": 0.1},
            reasons=("fit: 0.51, must be at least 0.965",),
            source_episode=1,
            episode=None,
        ),
        VerifiedClip(id="e0002-v00", accepted=True, scores={"fit": 0.97, "lag_rows": 0.5}, source_episode=2, episode=4),
    ]
    features = {name: feature for name, feature in dataset.info.recorded.items() if not feature.is_video}
    features |= {name: camera(EDGE, EDGE) for name in CAMERAS}
    with DatasetWriter(root, fps=FPS, features=features, robot="so101", task="Put the cube into the ring") as writer:
        writer.add_parent(dataset)
        for episode in range(dataset.num_episodes):
            copied = dataset.required_provenance.episodes[episode]
            writer.copy_episode(
                dataset, episode, source=copied.model_copy(update={"source": content, "source_episode": episode})
            )
        for clip in clips:
            if clip.episode is None:
                reason = f"{clip.id}: {'; '.join(clip.reasons)}"
                writer.dropped.append(DroppedEpisode(source=content, source_episode=clip.source_episode, reason=reason))
                continue
            made = Generated(
                plan=plan, backend="local", model="photometric", model_digest=plan, seed=1, scores=clip.scores
            )
            of = {"source": content, "source_episode": clip.source_episode, "generator": "synthetic-local"}
            varied = source(clip.source_episode, **of, parameters={"photometric.contrast": 1.2}, generated=made)
            pictures = {name: frames(clip.source_episode, i) // 2 + 20 for i, name in enumerate(CAMERAS)}
            writer.add_episode(columns(clip.source_episode), pictures, source=varied)
        verdicts = PlanVerdicts(plan=plan, dataset=content, thresholds=THRESHOLDS, judge="reason-2", clips=tuple(clips))
        writer.verification = DatasetVerification(plans=(verdicts,))
    return root


@dataclass
class HeaderSignIn:
    """A person of the role that a request's header, or a browser's cookie, names."""

    page: str | None = None

    def who(self, request: Request) -> Person | None:
        role = request.headers.get("x-role") or request.cookies.get("role")
        return Person(name=f"the {role}", role=Role(role)) if role else None


@dataclass
class Served:
    """A running viewer."""

    url: str
    desk: Desk
    app: FastAPI

    def call(self, role: str | None, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {**({"x-role": role} if role else {}), **options.pop("headers", {})}
        return httpx.request(method, self.url + path, headers=headers, timeout=30, **options)

    def id(self, name: str) -> str:
        return next(entry.id for entry in self.desk.catalog.entries() if entry.name == name)

    def finish(self, started: httpx.Response) -> dict[str, Any]:
        """Wait for a piece of work."""
        assert started.status_code == 202, started.text
        return self.until(lambda: self.call("viewer", "GET", f"/api/works/{started.json()['id']}").json(), "state")

    def until(
        self, look: Callable[[], dict[str, Any]], field: str, busy: tuple[str, ...] = ("running",)
    ) -> dict[str, Any]:
        deadline = time.monotonic() + 120
        while (found := look())[field] in busy and time.monotonic() < deadline:
            time.sleep(0.1)
        return found


@contextmanager
def serving(*roots: str, sign_in: Any = None, **options: Any) -> Iterator[Served]:
    """A viewer on a free port of loopback."""
    desk = Desk(Catalog([open_place(root) for root in roots]), sign_in or HeaderSignIn())
    app = create_app(desk, **{"rate_hz": 100_000, "burst": 100_000, **options})
    app.openapi()  # builds what FastAPI would at the first request: of two viewers in this process not at once
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    socket = config.bind_socket()
    thread = threading.Thread(target=server.run, args=([socket],))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield Served(f"http://127.0.0.1:{socket.getsockname()[1]}", desk, app)
    server.should_exit = True
    thread.join()
    desk.works.close()


@contextmanager
def in_azurite(data: Path, folder: Path) -> Iterator[str]:
    """The address of a container of Azurite with these datasets; `folder` is where it keeps them."""
    with azurite(folder) as endpoint, pytest.MonkeyPatch.context() as patch:
        connection = connection_string(endpoint)
        patch.setenv("AZURE_STORAGE_CONNECTION_STRING", connection)
        ContainerClient.from_connection_string(connection, "datasets").create_container()
        open_store(f"azure://{ACCOUNT}/datasets").sync_up(data)
        yield f"azure://{ACCOUNT}/datasets"
