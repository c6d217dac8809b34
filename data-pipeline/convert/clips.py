"""The second reading of a recording: the images of its cameras become one clip per episode, each camera in a thread."""

import queue
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, override

import numpy as np

from physai.infrastructure.datasets.errors import DatasetError
from physai.infrastructure.datasets.stats import Stats, sample_indices
from physai.infrastructure.datasets.video import ClipEncoder, walk

from .bag import Bag, Raw
from .depth import DepthDecoder
from .episode import Episode
from .errors import FrameLossError
from .film import Colours, Distances, Film
from .images import VIDEO, ImageDecoder
from .proof import Clip, Sample, check_times
from .remux import StreamCopy, can_copy
from .scan import Scan, Track

WAITING = 8  # messages between the reader and a camera; the reader waits when they are full, so nothing is ever lost
END = None


class EncodedClip(Clip):
    """Frames that are encoded; a sample of them is decoded again and compared with its sources."""

    def __init__(self, path: Path, rows: int, fps: int, film: Film) -> None:
        super().__init__(path, rows, fps)
        self._film = film
        self.counts = film.counts()
        self._sample = Sample(rows)
        self._looked_at = set(sample_indices(rows).tolist())
        self._encoder: ClipEncoder | None = None
        self._row = 0

    def show(self, frame: Any, rows: int) -> None:
        """Show a frame for some rows."""
        if self._encoder is None:
            size = self._film.size(frame)
            self._encoder = ClipEncoder(self.path, self.fps, *size, threads=1, is_depth=self._film.is_depth)
        ready = self._film.ready(frame)
        for row in range(self._row, self._row + rows):
            self._look(frame, row)
            self._encoder.add(ready)
        self._row += rows

    def _look(self, frame: Any, row: int) -> None:
        """Take a frame into the statistics, and into the sample."""
        if row in self._looked_at or row in self._sample.rows:
            values = self._film.values(frame)
            if row in self._looked_at:
                self.counts.add(values)
            self._sample.keep(row, values)

    @override
    def close(self) -> None:
        if self._encoder is not None:
            self._encoder.__exit__(None)
            self._encoder = None

    @override
    def abandon(self) -> None:
        if self._encoder is not None:
            self._encoder.__exit__(RuntimeError)

    @override
    def check(self, recording: Path, episode: int, camera: str) -> None:
        check_times(self, recording, episode, camera)
        for row in sorted(self._sample.rows):
            try:
                (frame,) = walk(self.path, row, 1, self.fps, episode)
            except DatasetError as error:
                raise FrameLossError(recording, episode, camera, row, str(error)) from error
            if detail := self._film.differs(self._sample.sources[row], frame):
                raise FrameLossError(recording, episode, camera, row, detail)


class Camera(threading.Thread):
    """Decodes, encodes and checks the images of one topic."""

    def __init__(self, bag: Bag, track: Track, episodes: Sequence[Episode], first: int, folder: Path, fps: int) -> None:
        assert track.image is not None
        super().__init__(name=track.rule.topic, daemon=True)
        self.clips: dict[int, tuple[Path, Stats]] = {}
        """Number of the episode in the recording → its clip."""
        self.error: BaseException | None = None
        self._bag, self._topic, self._feature = bag, track.rule.topic, track.image.feature
        shown = [episode.picks[self._topic].before for episode in episodes]
        messages = len(track.stamps_ns)
        self._rows = [np.bincount(rows, minlength=messages).tolist() for rows in shown]
        """Of each episode: how many rows show each message."""
        self._keyframes = track.keyframes
        self._first, self._folder, self._fps = first, folder, fps
        self._waiting: queue.Queue[tuple[int, Raw] | None] = queue.Queue(WAITING)
        self._decoder: ImageDecoder | DepthDecoder = (
            DepthDecoder(bag.path, self._topic, track.unit) if track.unit else ImageDecoder(bag.path, self._topic)
        )
        self._film: Film = Distances(track.unit) if track.unit else Colours()
        self._is_video = track.rule.type == VIDEO
        self._copies = [self._is_video and can_copy(rows, track.keyframes) for rows in shown]
        self._open: EncodedClip | StreamCopy | None = None
        self._episode = 0
        self._seen = 0

    def put(self, raw: Raw) -> None:
        """Hand over the next message; waits as long as the camera is behind."""
        number, self._seen = self._seen, self._seen + 1
        if not self._is_video and not any(rows[number] for rows in self._rows):
            return  # no row shows it
        self._hand((number, raw))

    def end(self) -> None:
        """Say that there are no more messages."""
        self._hand(END)

    def wait(self) -> None:
        """Wait for the last clip."""
        self.join()
        if self.error is not None:
            raise self.error

    def give_up(self) -> None:
        """End at the next message."""
        while self.is_alive():
            with suppress(queue.Full):
                self._waiting.put(END, timeout=0.1)

    def run(self) -> None:
        """Work until the end; an error is kept for the thread that reads."""
        try:
            while (found := self._waiting.get()) is not END:
                if self.error is not None:
                    return
                self._take(*found)
            if self.error is not None:
                return
            for frame in self._decoder.rest():
                self._show(frame)
            self._finish()
        except BaseException as error:  # noqa: BLE001  raised again by the thread that reads
            self.error = error
        finally:
            if self._open is not None:
                self._open.abandon()

    def _hand(self, found: tuple[int, Raw] | None) -> None:
        while self.error is None:
            try:
                return self._waiting.put(found, timeout=1.0)
            except queue.Full:
                continue
        self.join()
        raise self.error

    def _take(self, number: int, raw: Raw) -> None:
        message = self._bag.decode(raw)
        if self._is_video:
            self._copy(number, message)
            if all(self._copies):
                return
        for frame in self._decoder.frames(number, message):
            self._show(frame, None if self._is_video else number)

    def _copy(self, number: int, message: Any) -> None:
        for episode, rows in enumerate(self._rows):
            if self._copies[episode] and rows[number]:
                clip = self._at(episode)
                assert isinstance(clip, StreamCopy)
                clip.add(message, is_keyframe=bool(self._keyframes[number]))

    def _show(self, frame: Any, number: int | None = None) -> None:
        """Show the frame of a message in the rows that want it; a frame of video tells its message's number itself."""
        number = frame.pts if number is None else number
        for episode, rows in enumerate(self._rows):
            if rows[number] and not self._copies[episode]:
                clip = self._at(episode)
                assert isinstance(clip, EncodedClip)
                clip.show(frame, rows[number])

    def _at(self, episode: int) -> EncodedClip | StreamCopy:
        """The clip of an episode, after those before it are finished."""
        if self._open is not None and episode == self._episode:
            return self._open
        self._finish()
        self._episode = episode
        path = self._folder / f"{self._feature}-{self._first + episode:06d}.mp4"
        rows = sum(self._rows[episode])
        if self._copies[episode]:
            self._open = StreamCopy(path, rows, self._fps)
        else:
            self._open = EncodedClip(path, rows, self._fps, self._film)
        return self._open

    def _finish(self) -> None:
        if self._open is None:
            return
        clip, self._open = self._open, None
        clip.close()
        clip.check(self._bag.path, self._first + self._episode, self._feature)
        self.clips[self._episode] = (clip.path, clip.counts.stats())


def make_clips(
    scan: Scan, episodes: Sequence[Episode], first: int, folder: Path, fps: int
) -> list[dict[str, tuple[Path, Stats]]]:
    """Encode, or copy, the images of all cameras in one pass over the recording.

    Args:
        scan: What the first reading found.
        episodes: Of the recording, in order of time.
        first: Number of the first of them in the dataset, for names in errors.
        folder: Where the clips are written.
        fps: Frames per second.

    Returns:
        For each episode: feature → clip and the statistics of its frames.

    Raises:
        RecordingError: If an image is unfit, or a clip is not what was recorded.
    """
    cameras = {t: Camera(scan.bag, scan.tracks[t], episodes, first, folder, fps) for t in scan.cameras}
    with ExitStack() as stack:
        stack.callback(_stop, cameras)
        for camera in cameras.values():
            camera.start()
        if cameras:
            for raw in scan.bag.messages(lambda topic: topic in cameras):
                cameras[raw.topic].put(raw)
        for camera in cameras.values():
            camera.end()
        for camera in cameras.values():
            camera.wait()
    return [
        {scan.cameras[topic]: camera.clips[number] for topic, camera in cameras.items()}
        for number in range(len(episodes))
    ]


def _stop(cameras: Mapping[str, Camera]) -> None:
    """After an error of one, the others need not go on."""
    for camera in cameras.values():
        camera.error = camera.error or InterruptedError()
    for camera in cameras.values():
        camera.give_up()
