"""The judge: what it is shown, what is kept, and how far it agrees with the task's own term."""

import base64
import io
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, override

import av
import numpy as np
import pytest
from typer.testing import CliRunner

from physai.evaluation.cli import app
from physai.evaluation.errors import FilmError
from physai.evaluation.judge.agreement import agreement
from physai.evaluation.judge.vote import JudgeReport, judge
from physai.evaluation.sil.film import TILE, grid, split
from physai.infrastructure.contracts import EvaluationReport
from physai.infrastructure.judge import JudgeError, VideoModel
from physai.infrastructure.video import write_video

LEVELS = (40, 90, 140, 190)  # grey of each episode's tile, by which the model below tells them apart


class Endpoint:
    """An OpenAI-compatible server that looks at the video: a tile's grey decides what it says."""

    def __init__(self) -> None:
        self.shown: list[np.ndarray] = []
        self.says: Callable[[float], str] = lambda grey: vote(success=grey > 100)


def vote(*, success: bool) -> str:
    mode = "none" if success else "missed"
    return f"I looked.\n{json.dumps({'success': success, 'failure_mode': mode, 'reason': 'the tool is there'})}"


@pytest.fixture
def endpoint() -> Iterator[tuple[str, Endpoint]]:
    state = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            video, text = body["messages"][0]["content"]
            assert "this task: Isaac-Reach-UR10." in text["text"]
            with av.open(io.BytesIO(base64.b64decode(video["video_url"]["url"].partition(",")[2]))) as film:
                frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
            state.shown.append(np.stack(frames))
            said = {"choices": [{"message": {"content": state.says(float(frames[0].mean()))}}]}
            content = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        @override
        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1", state
        server.shutdown()


@pytest.fixture
def evaluation(tmp_path: Path, make_evaluation: Callable[..., EvaluationReport]) -> Path:
    """Success, failure, success, success by the task; a film of four grey tiles with their borders."""
    folder = tmp_path / "evaluation"
    folder.mkdir()
    outcomes = [True, False, True, True, False]
    make_evaluation(candidate=outcomes).write(folder / "report.json")
    tiles = np.stack([np.full((TILE.height, TILE.width, 3), level, np.uint8) for level in LEVELS])
    film = np.stack([grid(tiles, np.array(outcomes[:4]) & (step > 4)) for step in range(8)])
    write_video(folder / "rollout.mp4", film, 15)
    return folder


def test_every_filmed_episode_is_judged_alone_and_never_shown_the_border_that_tells_the_outcome(
    evaluation: Path, endpoint: tuple[str, Endpoint], tmp_path: Path
) -> None:
    url, state = endpoint
    report = judge(evaluation, VideoModel(url, "m"), tmp_path / "votes")
    assert [each.condition for each in report.episodes] == [0, 1, 2, 3]
    assert [round(float(frames.mean()), -1) for frames in state.shown] == [40, 90, 140, 190]
    for frames in state.shown:
        assert np.ptp(frames.astype(int).mean(axis=(0, 1, 2))) < 3, "no green: grey only"
        assert frames.std() < 3
    # task: yes no yes yes; judge (grey > 100): no no yes yes
    assert report.agreement.model_dump(exclude={"kappa"}) == {"both": 2, "only_task": 1, "only_judge": 0, "neither": 1}
    assert report.agreement.kappa == pytest.approx(0.5)  # (3/4 - 1/2) / (1 - 1/2)


def test_what_was_shown_before_is_not_asked_again_and_another_question_or_model_is(
    evaluation: Path, endpoint: tuple[str, Endpoint], tmp_path: Path
) -> None:
    url, state = endpoint
    words = ["judge", str(evaluation), "--judge", url, "--cache", str(tmp_path / "votes")]
    words += ["--output", str(tmp_path / "judge.json"), "--judge-model"]
    for model, asked in (("a", 4), ("a", 4), ("b", 8)):
        done = CliRunner().invoke(app, [*words, model])
        assert done.exit_code == 0, done.stderr
        assert len(state.shown) == asked
    assert "3 of 4 alike, Cohen's kappa 0.50" in " ".join(done.stdout.split())
    assert not any(each.cached for each in JudgeReport.read(tmp_path / "judge.json").episodes)


def test_votes_that_were_given_are_kept_when_the_model_fails(
    evaluation: Path, endpoint: tuple[str, Endpoint], tmp_path: Path
) -> None:
    url, state = endpoint
    state.says = lambda grey: vote(success=True) if grey < 100 else "It looks fine."
    with pytest.raises(JudgeError, match="which is no vote"):
        judge(evaluation, VideoModel(url, "m"), tmp_path / "votes")
    state.says = lambda _: vote(success=True)
    report = judge(evaluation, VideoModel(url, "m"), tmp_path / "votes")
    assert [each.cached for each in report.episodes] == [True, True, False, False]


def test_an_endpoint_that_is_not_there_and_a_film_that_is_not_there_are_named(evaluation: Path, tmp_path: Path) -> None:
    with pytest.raises(JudgeError, match=r"judge http://127\.0\.0\.1:9/v1: ConnectError"):
        judge(evaluation, VideoModel("http://127.0.0.1:9/v1", "m"), tmp_path)
    (evaluation / "rollout.mp4").write_bytes(b"not a film")
    with pytest.raises(FilmError, match="no film that can be read"):
        judge(evaluation, VideoModel("http://127.0.0.1:9/v1", "m"), tmp_path)
    with pytest.raises(FilmError, match="are no tiles"):
        split(tmp_path, np.zeros((1, TILE.height + 2, TILE.width, 3), np.uint8))


def test_kappa_is_that_of_the_textbook_and_undefined_where_both_always_say_the_same() -> None:
    # 20 both, 5 only the task, 10 only the judge, 15 neither: observed 0.7, by chance 0.5·0.6 + 0.5·0.4 = 0.5
    task = [True] * 25 + [False] * 25
    voted = [True] * 20 + [False] * 5 + [True] * 10 + [False] * 15
    assert agreement(task, voted).kappa == pytest.approx(0.4)
    assert agreement([True, True], [True, True]).kappa is None
