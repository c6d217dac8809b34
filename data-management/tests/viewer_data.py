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
import uvicorn
from fastapi import FastAPI
from numpy.typing import NDArray
from starlette.requests import Request

from physai.data_management.viewer.identity import Person, Role
from physai.data_management.viewer.places import Catalog, open_place
from physai.data_management.viewer.service import Desk, create_app
from physai.infrastructure.contracts import EpisodeSource
from physai.infrastructure.datasets import DatasetWriter, camera, depth_camera, vector
from physai.infrastructure.datasets.stats import image_stats

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
