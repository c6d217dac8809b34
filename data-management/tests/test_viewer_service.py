"""The viewer's service as its callers meet it: real HTTP, roles, ranges, containment, and fuzzing by its schema."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import schemathesis
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, Phase, given, settings
from PIL import Image
from schemathesis.checks import not_a_server_error
from typer.testing import CliRunner

from physai.data_management.annotations import Annotations
from physai.data_management.described import described
from physai.data_management.errors import ElsewhereError, TakenNameError, UnfinishedError
from physai.data_management.tools.cli import app as dataset_app
from physai.data_management.tools.label_cli import app as label_app
from physai.data_management.viewer import episodes
from physai.data_management.viewer.episodes import Indexes
from physai.data_management.viewer.places import BlobPlace, Catalog, open_place
from physai.data_management.viewer.runs import Launched
from physai.data_management.viewer.works import Track, Works
from physai.infrastructure.addresses import is_loopback
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.datasets.depth import LEROBOT, picture
from physai.infrastructure.page.shield import MAX_BODY
from physai.infrastructure.settings import settings as our_settings
from physai.infrastructure.storage import open_store

from .viewer_data import CAMERAS, DEPTH, EDGE, FPS, ROWS, Served, distances, frames, in_azurite, make_dataset, serving

SECRET = b"what nobody should see"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Datasets, and a secret outside their root."""
    folder = tmp_path_factory.mktemp("viewer")
    (folder / "secret.mp4").write_bytes(SECRET)
    make_dataset(folder / "data/lab/cube")
    make_dataset(folder / "data/lab/more", 2)
    return folder / "data"


@pytest.fixture(scope="module")
def looking(data: Path) -> Iterator[Served]:
    """For tests that change nothing."""
    with serving(str(data)) as served:
        yield served


@pytest.fixture
def served(data: Path, tmp_path: Path) -> Iterator[Served]:
    """For tests that change their own copy."""
    shutil.copytree(data, tmp_path / "data")
    with serving(str(tmp_path / "data")) as found:
        yield found


def test_depth_is_shown_in_colours(tmp_path: Path) -> None:
    make_dataset(tmp_path / "data/deep", 2, cameras=CAMERAS[:1], depth=True)
    with serving(str(tmp_path / "data")) as served:
        base = f"/api/datasets/{served.id('deep')}/episodes/1"
        clip = next(c for c in served.call("viewer", "GET", base).json()["clips"] if c["camera"] == DEPTH)
        assert (clip["depth"], clip["from_s"], clip["to_s"]) == (True, 0, ROWS / FPS)
        film = served.call("viewer", "GET", f"{base}/video/{DEPTH}")
        part = served.call("viewer", "GET", f"{base}/video/{DEPTH}", headers={"range": "bytes=4-7"})
        still = served.call("viewer", "GET", f"{base}/picture/{DEPTH}?share=0.5")
    assert (part.status_code, part.content) == (206, b"ftyp")
    with av.open(io.BytesIO(film.content)) as container:
        shown = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert container.streams.video[0].codec.canonical_name == "av1"
    assert len(shown) == ROWS
    wanted = picture(LEROBOT.codes(distances(1)[..., 0])).astype(int)
    assert np.abs(np.stack(shown)[:, ::9, 4::24] - wanted[:, ::9, 4::24]).mean() < 6
    jpeg = np.asarray(Image.open(io.BytesIO(still.content))).astype(int)
    assert np.abs(jpeg[32, 48] - wanted[ROWS // 2, 32, 48]).max() < 12
    assert jpeg[32, 4].max() < 12


def test_datasets_are_found_searched_and_paged(looking: Served) -> None:
    def names(query: str) -> tuple[list[str], int]:
        found = looking.call("viewer", "GET", f"/api/datasets?{query}").json()
        return [card["name"] for card in found["items"]], found["total"]

    assert names("") == (["lab/cube", "lab/more"], 2)
    assert names("search=more") == (["lab/more"], 1)
    assert names("search=so101 ring") == (["lab/cube", "lab/more"], 2)  # robot and task
    assert names("search=cube") == (["lab/cube", "lab/more"], 2)  # the name of one, the task of both
    assert names("size=1&page=2") == (["lab/more"], 2)
    assert names("kind=recorded")[1] == 2
    assert names("kind=rollouts") == ([], 0)
    assert names("search=nothing") == ([], 0)


def test_a_damaged_dataset_is_listed_with_what_is_wrong(served: Served, tmp_path: Path) -> None:
    (tmp_path / "data/lab/more/meta/info.json").write_text("{")
    cards = {card["name"]: card for card in served.call("viewer", "GET", "/api/datasets").json()["items"]}
    assert "info.json" in cards["lab/more"]["problem"]
    assert cards["lab/cube"]["problem"] == ""
    answer = served.call("viewer", "GET", f"/api/datasets/{served.id('lab/more')}")
    assert answer.status_code == 409
    assert served.call("viewer", "GET", "/").status_code == 200


def test_an_episode_tells_its_place_in_the_shared_file_and_its_numbers(looking: Served) -> None:
    view = looking.call("viewer", "GET", f"/api/datasets/{looking.id('lab/cube')}/episodes/1").json()
    clip = view["clips"][0]
    assert (clip["from_s"], clip["to_s"]) == (ROWS / FPS, 2 * ROWS / FPS)  # the second of three
    assert (view["rows"], view["outcome"], view["split"], clip["codec"]) == (ROWS, "failure", "train", "av1")
    state = next(series for series in view["series"] if series["feature"] == "observation.state")
    assert state["names"] == ["shoulder", "elbow"]
    assert state["values"][0][0] == pytest.approx(0.84147, abs=1e-5)  # sin 1
    assert len(state["values"][1]) == ROWS


def test_a_picture_is_the_frame_of_its_own_episode(looking: Served) -> None:
    path = f"/api/datasets/{looking.id('lab/cube')}/episodes/2/picture/{CAMERAS[1]}?share=0.5"
    picture = Image.open(io.BytesIO(looking.call("viewer", "GET", path).content))
    assert picture.size == (EDGE, EDGE)
    assert np.abs(np.asarray(picture).mean((0, 1)) - frames(2, 1)[15].mean((0, 1))).max() < 12  # row 15 of 30


def test_videos_are_served_in_ranges(looking: Served, data: Path) -> None:
    path = f"/api/datasets/{looking.id('lab/cube')}/episodes/1/video/{CAMERAS[0]}"
    whole = (data / "lab/cube/videos" / CAMERAS[0] / "chunk-000/file-000.mp4").read_bytes()
    part = looking.call("viewer", "GET", path, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole)}"
    assert looking.call("viewer", "GET", path).content == whole
    assert looking.call("viewer", "GET", path, headers={"Range": f"bytes={len(whole)}-"}).status_code == 416


@pytest.mark.parametrize(
    "path",
    [
        "/api/datasets/../../etc",
        "/api/datasets/%2e%2e%2fsecret",
        "/api/datasets/{id}/episodes/0/video/..%2F..%2F..%2Fsecret",
        "/api/datasets/{id}/episodes/0/picture/%2Fetc%2Fpasswd",
        "/static/..%2f..%2fservice.py",
        "/api/runs/..%2f..%2f/log/x",
        "/api/datasets/{id}/episodes/9",
    ],
)
def test_no_address_leads_out_of_the_data(looking: Served, path: str) -> None:
    answer = looking.call("admin", "GET", path.format(id=looking.id("lab/cube")))
    assert answer.status_code in (404, 422)
    assert SECRET not in answer.content


@pytest.mark.parametrize("template", ["../../../secret.mp4", "/etc/passwd", "link.mp4"])
def test_a_dataset_that_names_files_elsewhere_is_not_believed(served: Served, tmp_path: Path, template: str) -> None:
    root = tmp_path / "data/lab/cube"
    (tmp_path / "secret.mp4").write_bytes(SECRET)
    (root / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    info = json.loads((root / "meta/info.json").read_text())
    (root / "meta/info.json").write_text(json.dumps(info | {"video_path": template}))
    for what in ("video", "picture"):
        path = f"/api/datasets/{served.id('lab/cube')}/episodes/0/{what}/{CAMERAS[0]}"
        answer = served.call("admin", "GET", path)
        assert (answer.status_code, SECRET in answer.content) == (404, False), what


PUBLIC = {("GET", "/healthz"), ("GET", "/style.css")}
"""What anyone may ask; the files under /static, and the API's description, are the program's own."""


def needed(method: str, path: str) -> str:
    """The least role for a route: reading is for viewers, judging for annotators, changing for admins."""
    if method == "GET" and not path.endswith("/undo"):
        return "viewer"
    judging = (
        "/annotations",
        "/remove-label",
        "/annotations/{annotation}",
        "/annotations/undo",
        "/quality",
        "/validation",
    )
    return "annotator" if path.endswith(judging) else "admin"


def test_every_route_asks_for_its_role_and_no_less(looking: Served) -> None:
    parts = [getattr(route, "original_router", looking.app) for route in looking.app.routes]
    found = {(m, r.path) for part in parts for r in part.routes if isinstance(r, APIRoute) for m in r.methods}
    described = looking.call(None, "GET", "/openapi.json").json()["paths"]
    assert {(method.upper(), path) for path, methods in described.items() for method in methods} <= found
    routes = found - PUBLIC
    assert len(routes) >= 30
    roles = ["viewer", "annotator", "admin"]
    values = {
        "dataset": "nowhere",
        "episode": "0",
        "camera": "c",
        "annotation": "1",
        "work": "0" * 16,
        "run": "r",
        "task": "t",
    }
    for method, template in sorted(routes):
        path = template.format(**values)
        least = roles.index(needed(method, template))
        assert looking.call(None, method, path).status_code == 401, (method, template)
        for role in roles[:least]:
            assert looking.call(role, method, path).status_code == 403, (method, template, role)
        for role in roles[least:]:
            assert looking.call(role, method, path).status_code not in (401, 403), (method, template, role)


def test_pages_offer_only_what_a_role_may_do(looking: Served) -> None:
    page = f"/datasets/{looking.id('lab/cube')}"
    offered = {role: looking.call(role, "GET", page).text for role in ("viewer", "annotator", "admin")}
    assert ["judge" in text and 'id="judge"' in text for text in offered.values()] == [False, True, True]
    assert ['id="selection"' in text for text in offered.values()] == [False, False, True]


def test_a_request_of_another_sites_page_changes_nothing(served: Served) -> None:
    path = f"/api/datasets/{served.id('lab/cube')}/episodes/0/annotations"
    body = {"kind": "rating", "value": "5"}
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://elsewhere.example"},
    ):
        assert served.call("admin", "POST", path, json=body, headers=headers).status_code == 403
    form = served.call("admin", "POST", path, content=json.dumps(body), headers={"Content-Type": "text/plain"})
    assert form.status_code == 422  # a form of a browser cannot send JSON
    own = {"Sec-Fetch-Site": "same-origin", "Origin": served.url}
    assert served.call("admin", "POST", path, json=body, headers=own).json()["rating"] == 5
    assert served.call("viewer", "GET", "/", headers={"Host": "evil.example"}).status_code == 400  # DNS rebinding


def test_every_answer_is_shielded_and_large_bodies_and_floods_are_refused(data: Path) -> None:
    with serving(str(data), rate_hz=0.001, burst=4) as served:
        large = served.call("admin", "POST", "/api/runs", content=b" " * (MAX_BODY + 1))
        answers = [
            large,
            served.call("viewer", "GET", "/"),
            served.call(None, "GET", "/"),
            served.call("viewer", "GET", "/x"),
        ]
        assert [answer.status_code for answer in answers] == [413, 200, 401, 404]
        for answer in answers:
            policy = answer.headers["content-security-policy"]
            assert "script-src 'self'" in policy
            assert "unsafe" not in policy
            assert answer.headers["x-frame-options"] == "DENY"
        assert served.call("viewer", "GET", "/").status_code == 429


def test_what_is_said_is_in_the_store_of_the_commands_with_its_author(served: Served, tmp_path: Path) -> None:
    path = f"/api/datasets/{served.id('lab/cube')}/episodes/1"
    for kind, value in (
        ("label", "slips"),
        ("label", "blurred"),
        ("rating", "2"),
        ("review", "reject"),
        ("comment", "odd"),
    ):
        assert (
            served.call("annotator", "POST", f"{path}/annotations", json={"kind": kind, "value": value}).status_code
            == 200
        )
    subtask = {"kind": "subtask", "value": "grasp", "from_row": 3, "to_row": 9}
    now = served.call("annotator", "POST", f"{path}/annotations", json=subtask).json()
    served.call("annotator", "POST", f"{path}/annotations/remove-label", json={"label": "blurred"})
    comment = f"annotations/{now['comments'][0]['id']}"
    other = served.call("annotator", "DELETE", f"{path.removesuffix('1')}2/{comment}")
    assert (other.status_code, "on episode 2" in other.json()["detail"]) == (409, True)
    assert served.call("annotator", "DELETE", f"{path}/{comment}").json()["comments"] == []
    marks = Annotations(Dataset(tmp_path / "data/lab/cube")).marks(1)
    assert (marks.labels, marks.rating, marks.review, marks.comments) == (("slips",), 2, "reject", ())
    assert (marks.subtasks[0].author, marks.subtasks[0].from_row, marks.subtasks[0].to_row) == ("the annotator", 3, 9)
    listed = served.call(
        "viewer", "GET", f"/api/datasets/{served.id('lab/cube')}/episodes?where=review == 'reject'"
    ).json()
    assert [line["episode"] for line in listed["items"]] == [1]
    undo = f"/api/datasets/{served.id('lab/cube')}/annotations/undo"
    assert served.call("annotator", "POST", undo).json()["episodes"] == [1]
    assert Annotations(Dataset(tmp_path / "data/lab/cube")).marks(1).comments[0].value == "odd"
    nothing = served.call("admin", "POST", undo)
    assert (nothing.status_code, "the admin has said nothing" in nothing.json()["detail"]) == (409, True)
    wrong = served.call("annotator", "POST", f"{path}/annotations", json={"kind": "rating", "value": "6"})
    assert (wrong.status_code, "'6'" in wrong.json()["detail"]) == (409, True)


def test_what_the_disk_refuses_is_told_and_no_error_of_ours(served: Served, tmp_path: Path) -> None:
    (tmp_path / "data/lab/cube/meta/annotations").write_text("in the way")
    path = f"/api/datasets/{served.id('lab/cube')}/episodes/1/annotations"
    answer = served.call("annotator", "POST", path, json={"kind": "label", "value": "slips"})
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("annotations: File exists. Free what")
    assert str(tmp_path) not in answer.text


def test_a_filter_by_outcome_tells_when_the_rows_cannot_be_found(served: Served, tmp_path: Path) -> None:
    root = tmp_path / "data/lab/cube"
    (root / "meta/provenance.json").unlink()
    info = json.loads((root / "meta/info.json").read_text())
    info["features"]["next.success"] = {"dtype": "bool", "shape": [1], "names": None}
    (root / "meta/info.json").write_text(json.dumps(info | {"data_path": "data/{nowhere}.parquet"}))
    answer = served.call("viewer", "GET", f"/api/datasets/{served.id('lab/cube')}/episodes?where=outcome == 'success'")
    assert (answer.status_code, "data/{nowhere}.parquet" in answer.text) == (409, True), answer.text


def test_an_edit_is_previewed_done_and_undone(served: Served, tmp_path: Path) -> None:
    dataset = served.id("lab/cube")
    before = Dataset(tmp_path / "data/lab/cube").content_digest()
    body = {"operation": "delete", "where": "outcome == 'failure'"}
    seen = served.call("admin", "POST", f"/api/datasets/{dataset}/preview", json=body).json()
    assert (seen["before"]["episodes"], seen["after"][0]["episodes"], seen["replaces"]) == (3, 2, True)
    assert seen["changes"] == [f"episode 1, {ROWS} rows, is left out"]
    assert Dataset(tmp_path / "data/lab/cube").content_digest() == before  # nothing has happened
    asked = body | {"version": seen["version"]}
    done = served.finish(served.call("admin", "POST", f"/api/datasets/{dataset}/edit", json=asked))
    assert done["state"] == "done", done
    edited = Dataset(tmp_path / "data/lab/cube")
    assert edited.num_episodes == 2
    assert "the admin" in json.dumps(edited.required_provenance.model_dump(mode="json"))
    stale = served.call("admin", "POST", f"/api/datasets/{dataset}/edit", json=asked)
    assert stale.status_code == 409
    assert served.finish(served.call("admin", "POST", f"/api/datasets/{dataset}/undo"))["state"] == "done"
    assert Dataset(tmp_path / "data/lab/cube").content_digest() == before


def test_trim_split_and_merge_make_what_their_previews_said(served: Served, tmp_path: Path) -> None:
    dataset, more = served.id("lab/cube"), served.id("lab/more")
    bodies = (
        {"operation": "trim", "episodes": "0", "rows": "5:-5", "name": "trimmed"},
        {"operation": "split", "parts": "train=0.7, test=0.3", "name": "parts"},
        {"operation": "merge", "others": [more], "name": "both"},
    )
    for body in bodies:
        seen = served.call("admin", "POST", f"/api/datasets/{dataset}/preview", json=body).json()
        work = served.call("admin", "POST", f"/api/datasets/{dataset}/edit", json=body | {"version": seen["version"]})
        assert served.finish(work)["state"] == "done"
        for part in seen["after"]:
            made = Dataset(tmp_path / "data/lab" / part["name"])
            assert (made.num_episodes, made.info.total_frames) == (part["episodes"], part["rows"]), body
    assert Dataset(tmp_path / "data/lab/trimmed").lengths == [ROWS - 10, ROWS, ROWS]
    assert Dataset(tmp_path / "data/lab/both").num_episodes == 5
    again = served.call("admin", "POST", f"/api/datasets/{dataset}/preview", json=bodies[2]).json()
    work = served.call("admin", "POST", f"/api/datasets/{dataset}/edit", json=bodies[2] | {"version": again["version"]})
    assert "exists already" in served.finish(work)["detail"]


def test_quality_is_judged_once_and_then_filters(served: Served) -> None:
    path = f"/api/datasets/{served.id('lab/cube')}"
    assert served.call("viewer", "GET", f"{path}/quality").json() is None
    asked = served.call("viewer", "GET", f"{path}/episodes?where=quality.score > 0")
    assert (asked.status_code, "Judge them first" in asked.json()["detail"]) == (409, True)
    done = served.finish(served.call("annotator", "POST", f"{path}/quality"))
    assert (done["state"], done["done"], done["total"]) == ("done", 3, 3)
    scores = [each["score"] for each in served.call("viewer", "GET", f"{path}/quality").json()["episodes"]]
    listed = served.call("viewer", "GET", f"{path}/episodes?where=quality.score >= {max(scores)}").json()["items"]
    assert [line["score"] for line in listed] == [max(scores)]


def test_validation_tells_its_findings_until_the_dataset_changes(served: Served) -> None:
    path = f"/api/datasets/{served.id('lab/cube')}"
    assert served.finish(served.call("annotator", "POST", f"{path}/validation"))["state"] == "done"
    report = served.call("viewer", "GET", f"{path}/validation").json()
    assert 1 in [finding["episode"] for finding in report["findings"]]  # it has failed
    seen = served.call("admin", "POST", f"{path}/preview", json={"operation": "delete", "episodes": "1"}).json()
    body = {"operation": "delete", "episodes": "1", "version": seen["version"]}
    served.finish(served.call("admin", "POST", f"{path}/edit", json=body))
    assert served.call("viewer", "GET", f"{path}/validation").json() is None


WORKFLOW = """
version: 2
workflow:
  name: look
  tasks:
  - name: fetch
    image: {{ image }}
    command: [physai]
    args: [data-management, dataset, fetch, "{{ dataset }}", "--output={{output}}/dataset"]
  - name: describe
    image: {{ image }}
    command: [physai]
    args: [data-management, dataset, info, "{{input:0}}/dataset"]
    inputs:
    - task: fetch
default-values:
  image: physai:latest # container image
  dataset: sha256:0 # digest
"""


def test_a_selection_is_published_and_a_run_on_it_followed_to_its_log(served: Served, tmp_path: Path) -> None:
    from physai.data_management.viewer.runs import Runs

    file = tmp_path / "workflows/osmo/look.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(WORKFLOW)
    served.desk.runs = Runs([tmp_path])
    assert [each["name"] for each in served.call("viewer", "GET", "/api/workflows").json()] == [
        "train-selection",
        "look",
    ]
    body = {"workflow": "look", "dataset": served.id("lab/cube"), "where": "outcome == 'success'"}
    work = served.finish(served.call("admin", "POST", "/api/runs", json=body))
    assert work["state"] == "done", work
    run = work["link"].removeprefix("/runs/")

    def look() -> dict[str, object]:
        return served.call("viewer", "GET", f"/api/runs/{run}").json()

    state = served.until(look, "status", ("WAITING", "RUNNING", "INTERRUPTED"))
    assert state["status"] == "COMPLETED", state
    assert (state["launched"]["episodes"], state["launched"]["by"]) == (2, "the admin")
    log = served.call("viewer", "GET", f"/api/runs/{run}/log/describe").json()
    assert "2 of 30 to 30 rows" in log["text"]
    rest = served.call("viewer", "GET", f"/api/runs/{run}/log/describe?offset={log['next']}").json()
    assert (rest["text"], rest["over"]) == ("", True)
    wrong = served.call("admin", "POST", "/api/runs", json=body | {"values": {"nothing": 1}})
    assert "nothing" in served.finish(wrong)["detail"]


@pytest.mark.filterwarnings("default")  # of the fuzzer's own making
@pytest.mark.parametrize("role", [None, "viewer", "admin"])
def test_no_request_that_the_schema_describes_breaks_the_service_or_leaves_the_data(
    served: Served, tmp_path: Path, role: str | None
) -> None:
    (tmp_path / "secret.mp4").write_bytes(SECRET)
    outside = sorted(path for path in tmp_path.rglob("*") if not path.is_relative_to(tmp_path / "data"))
    schema = schemathesis.openapi.from_url(f"{served.url}/openapi.json")
    calls = [call for found in schema.get_all_operations() for call in fuzz(found.ok(), served, role)]
    assert len(calls) > 150
    assert outside == sorted(path for path in tmp_path.rglob("*") if not path.is_relative_to(tmp_path / "data"))


def fuzz(operation: schemathesis.schemas.APIOperation, served: Served, role: str | None) -> list[int]:
    """The status of a dozen drawn calls on datasets that exist and on others."""
    known = {"dataset": served.id("lab/more"), "episode": 1, "camera": CAMERAS[0]}
    seen: list[int] = []

    @settings(
        max_examples=12, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy())
    def call(case: schemathesis.Case) -> None:
        if len(seen) % 2:
            case.path_parameters = {
                name: known.get(name, value) for name, value in (case.path_parameters or {}).items()
            }
        response = case.call(headers={"x-role": role} if role else {})
        case.validate_response(response, checks=[not_a_server_error])
        assert SECRET not in response.content
        if role is None and operation.path != "/healthz":
            assert response.status_code in (400, 401, 403, 404, 405, 422)
        seen.append(response.status_code)

    call()
    return seen


def test_beyond_loopback_somebody_must_say_who_is_there() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "192.168.0.2", "viewer.example.org")))


def test_ten_thousand_episodes_are_listed_and_opened_from_metadata_alone(tmp_path: Path) -> None:
    """Rows and videos of the others are never read: the files of all but one episode could be gone."""
    root = make_dataset(tmp_path / "data/large", 2, cameras=())
    episodes = root / "meta/episodes/chunk-000/file-000.parquet"
    table = pq.read_table(episodes).to_pylist()
    many = [
        {**table[n % 2], "episode_index": n, "dataset_from_index": n * ROWS, "dataset_to_index": (n + 1) * ROWS}
        | {"data/file_index": 0 if n < 2 else 1}
        for n in range(10_000)
    ]
    pq.write_table(pa.Table.from_pylist(many), episodes)
    info = json.loads((root / "meta/info.json").read_text())
    (root / "meta/info.json").write_text(json.dumps(info | {"total_episodes": 10_000, "total_frames": 10_000 * ROWS}))
    (root / "meta/provenance.json").unlink()
    with serving(str(tmp_path / "data")) as served:
        served.desk.catalog.places[0].replaces = False
        listed = served.call("viewer", "GET", f"/api/datasets/{served.id('large')}/episodes?page=500&size=20").json()
        assert (listed["total"], listed["items"][0]["episode"]) == (10_000, 9980)
        assert served.call("viewer", "GET", f"/api/datasets/{served.id('large')}/episodes/1").json()["of"] == 10_000


def test_indexes_stay_in_memory_by_their_episodes_the_last_ones_asked_for(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog, indexes = Catalog([open_place(str(data))]), Indexes()
    cube, more = catalog.entries()
    first = indexes.of(cube)
    assert indexes.of(cube) is first
    monkeypatch.setattr(episodes, "KEPT", first.count + 1)
    second = indexes.of(more)  # two episodes more than there is room for
    assert indexes.of(more) is second
    assert indexes.of(cube) is not first


def test_a_file_that_goes_while_it_is_looked_at_is_no_error(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(data / "lab/cube", tmp_path / "data/cube")
    (entry,) = Catalog([open_place(str(tmp_path / "data"))]).entries()
    indexes = Indexes()
    before = indexes.of(entry)
    with monkeypatch.context() as moment:
        gone = tmp_path / "data/cube/meta/episodes/chunk-000/gone.parquet"
        glob = Path.glob
        moment.setattr(Path, "glob", lambda path, pattern: [*glob(path, pattern), gone])
        moment.setattr(Path, "exists", lambda _path: True)  # it was there, a moment ago
        assert indexes.of(entry) is before


@pytest.fixture
def blob_data(data: Path, tmp_path: Path) -> Iterator[str]:
    """The datasets in a container of Azurite."""
    with in_azurite(data, tmp_path) as address:
        yield address


@pytest.mark.azurite
def test_a_blob_container_is_browsed_played_and_judged_and_not_changed(blob_data: str, tmp_path: Path) -> None:
    with serving(blob_data) as served:
        dataset = served.id("lab/cube")
        base = f"/api/datasets/{dataset}"
        view = served.call("viewer", "GET", f"{base}/episodes/1").json()
        assert view["rows"] == ROWS
        path = f"{base}/episodes/1/video/{CAMERAS[0]}"
        part = served.call("viewer", "GET", path, headers={"Range": "bytes=4-7"})
        assert (part.status_code, part.content) == (206, b"ftyp")
        whole = served.call("viewer", "GET", path)
        assert int(part.headers["content-range"].partition("/")[2]) == len(whole.content)
        assert served.call("viewer", "GET", path, headers={"Range": "bytes=9999999-"}).status_code == 416
        picture = served.call("viewer", "GET", path.replace("/video/", "/picture/"))
        assert picture.content.startswith(b"\xff\xd8")
        before = {stored.key: stored.digest for stored in open_store(blob_data).list("lab/cube")}
        for kind, value in (("review", "reject"), ("label", "slips"), ("rating", "2"), ("comment", "odd")):
            body = {"kind": kind, "value": value}
            said = served.call("annotator", "POST", f"{base}/episodes/1/annotations", json=body)
            assert said.status_code == 200, said.text
        assert said.json()["decision"]["author"] == "the annotator"
        assert served.call("viewer", "GET", f"{base}/episodes/1").json()["said"]["labels"] == ["slips"]
        where = "review == 'reject' and 'slips' in labels and outcome == 'failure'"
        listed = served.call("viewer", "GET", f"{base}/episodes?where={where}").json()["items"]
        assert [(line["episode"], line["rating"]) for line in listed] == [(1, 2)]
        assert served.call("viewer", "GET", f"{base}/review").json()["decisions"]["reject"] == 1
        mend = f"`physai storage sync {blob_data}/lab/cube cube`"
        for act, why in (("undo", "nothing to undo"), ("episodes/0/rerun", mend)):
            refused = served.call("admin", "POST", f"{base}/{act}")
            assert (refused.status_code, why in refused.json()["detail"]) == (409, True)
        for page in ("", "/review", "/episodes/1"):
            assert served.call("admin", "GET", f"/datasets/{dataset}{page}").status_code == 200
        after = {stored.key: stored.digest for stored in open_store(blob_data).list("lab/cube")}
        new = after.keys() - before.keys()
        assert {key: after[key] for key in before} == before
        assert (len(new), all(key.startswith("lab/cube/meta/annotations/") for key in new)) == (4, True)
    open_store(blob_data).sync_down("lab/cube", tmp_path / "brought")
    brought = Dataset(tmp_path / "brought")
    assert brought.verify()  # what was said made no other dataset of it
    assert Annotations(brought).marks(1).labels == ("slips",)


@pytest.mark.azurite
def test_curating_in_a_container_makes_new_datasets_and_leaves_the_old(blob_data: str, tmp_path: Path) -> None:
    store = open_store(blob_data)
    with serving(blob_data) as served:
        base, more = f"/api/datasets/{served.id('lab/cube')}", served.id("lab/more")
        body = {"kind": "label", "value": "kept"}
        assert served.call("annotator", "POST", f"{base}/episodes/2/annotations", json=body).status_code == 200
        before = {stored.key: stored.digest for stored in store.list("lab")}
        nameless = served.call("admin", "POST", f"{base}/preview", json={"operation": "delete", "episodes": "0"})
        assert (nameless.status_code, "Give the new one a name" in nameless.json()["detail"]) == (409, True)
        bodies = (
            {"operation": "delete", "where": "outcome == 'failure'", "name": "good"},
            {"operation": "trim", "episodes": "0", "rows": "5:-5", "name": "trimmed"},
            {"operation": "split", "parts": "train=0.7, test=0.3", "name": "parts"},
            {"operation": "merge", "others": [more], "name": "both"},
        )
        for body in bodies:
            seen = served.call("admin", "POST", f"{base}/preview", json=body).json()
            assert seen["replaces"] is False
            asked = body | {"version": seen["version"]}
            assert served.finish(served.call("admin", "POST", f"{base}/edit", json=asked))["state"] == "done"
            for part in seen["after"]:
                assert served.id(f"lab/{part['name']}")  # found at once
                store.sync_down(f"lab/{part['name']}", tmp_path / part["name"])
                made = Dataset(tmp_path / part["name"])
                assert (made.num_episodes, made.info.total_frames) == (part["episodes"], part["rows"]), body
                assert made.verify()
        assert Annotations(Dataset(tmp_path / "good")).marks(1).labels == ("kept",)
        edit = Dataset(tmp_path / "both").required_provenance.edit
        assert edit is not None
        assert edit.arguments == {"datasets": f"{blob_data}/lab/cube, {blob_data}/lab/more"}
        both = {stored.key: stored.digest for stored in store.list("lab/both")}
        assert served.finish(served.call("admin", "POST", f"{base}/edit", json=asked))["state"] == "done"
        assert {stored.key: stored.digest for stored in store.list("lab/both")} == both  # it is there already
        other = asked | {"operation": "delete", "episodes": "0", "others": []}
        taken = served.finish(served.call("admin", "POST", f"{base}/edit", json=other))
        assert (taken["state"], "'lab/both' exists already" in taken["detail"]) == ("failed", True)
        after = {stored.key: stored.digest for stored in store.list("lab")}
        assert {key: after[key] for key in before} == before


PUTTER = """
import sys
from pathlib import Path
from physai.data_management.viewer.places import open_place
open_place(sys.argv[1]).put(Path(sys.argv[2]), "lab/new")
"""


@pytest.mark.azurite
def test_a_dataset_whose_upload_is_killed_is_not_seen_in_the_container(blob_data: str, tmp_path: Path) -> None:
    place, store = open_place(blob_data), open_store(blob_data)
    assert isinstance(place, BlobPlace)
    with place.whole("lab/cube") as folder:
        for number in range(400):
            (folder / f"videos/{number}.bin").write_bytes(b"%d" % number)
        with subprocess.Popen([sys.executable, "-c", PUTTER, blob_data, str(folder)]) as process:
            while len(store.list("lab/new")) < 20:
                assert process.poll() is None
            process.kill()
    assert 20 <= len(store.list("lab/new")) < 400
    assert "lab/new" not in list(place.find())
    with place.whole("lab/more") as folder:
        unfinished = rf"lab/new: an upload of .* undo {re.escape(blob_data)}/lab/new`"
        with pytest.raises(UnfinishedError, match=unfinished):
            place.put(folder, "lab/new")
    with place.whole("lab/cube") as folder:
        place.put(folder, "lab/new")  # the very dataset, so its upload is finished
    assert "lab/new" in list(place.find())
    with place.whole("lab/new") as folder:
        assert Dataset(folder).num_episodes == 3
    with place.whole("lab/more") as folder, pytest.raises(TakenNameError, match="'lab/new' exists already"):
        place.put(folder, "lab/new")


@pytest.mark.azurite
def test_an_edit_in_a_container_is_undone_and_what_was_said_since_is_kept(blob_data: str, data: Path) -> None:
    store = open_store(blob_data)
    before = {stored.key: stored.digest for stored in store.list("lab")}
    with serving(blob_data) as served:
        cube = f"/api/datasets/{served.id('lab/cube')}"
        assert served.call("admin", "GET", f"{cube}/undo").json() == []
        body = {"operation": "delete", "episodes": "0", "name": "two"}
        body |= {"version": served.call("admin", "POST", f"{cube}/preview", json=body).json()["version"]}
        assert served.finish(served.call("admin", "POST", f"{cube}/edit", json=body))["state"] == "done"
        two = f"/api/datasets/{served.id('lab/two')}"
        said = {"kind": "label", "value": "since"}
        assert served.call("annotator", "POST", f"{two}/episodes/0/annotations", json=said).status_code == 200
        listed = CliRunner().invoke(dataset_app, ["undo", f"{blob_data}/lab/two", "--list", "--json"])
        told = {"folder": f"{blob_data}/lab/cube", "undoes": "delete", "author": "the admin", "episodes": 3}
        assert json.loads(listed.stdout)["points"] == served.call("admin", "GET", f"{two}/undo").json() == [told]
        work = served.finish(served.call("admin", "POST", f"{two}/undo"))
        assert (work["state"], work["link"]) == ("done", f"/datasets/{served.id('lab/cube')}"), work
        assert [entry.name for entry in served.desk.catalog.entries()] == ["lab/cube", "lab/more"]
        assert store.list("lab/two") == ()
        after = {stored.key: stored.digest for stored in store.list("lab")}
        assert {key: after[key] for key in before} == before
        view = served.call("viewer", "GET", f"{cube}/episodes/1").json()
        assert view["said"]["labels"] == ["since"]  # episode 0 of the two was 1 of the cube
        served.finish(served.call("admin", "POST", f"{cube}/edit", json=body))
    for stored in store.list("lab/cube"):
        store.delete(stored.key)
    gone = CliRunner().invoke(dataset_app, ["undo", f"{blob_data}/lab/two"])
    assert "It stays, as the only copy" in str(gone.exception)
    store.sync_up(data / "lab/cube", "lab/cube")
    store.delete("lab/two/meta/info.json")  # as an undo that was killed leaves it
    removed = CliRunner().invoke(dataset_app, ["undo", f"{blob_data}/lab/two", "--json"])
    assert json.loads(removed.stdout) == {"dataset": f"{blob_data}/lab/two", "originals": []}
    assert store.list("lab/two") == ()


@pytest.mark.azurite
def test_commands_read_of_a_container_what_metadata_tell_and_ask_for_the_rest(blob_data: str, data: Path) -> None:
    uri = f"{blob_data}/lab/cube"
    for command in ("info", "lineage"):
        here, there = (
            CliRunner().invoke(dataset_app, [command, where, "--json"]) for where in (str(data / "lab/cube"), uri)
        )
        assert there.exit_code == 0, there.exception
        assert json.loads(here.stdout) | {"dataset": ""} == json.loads(there.stdout) | {"dataset": ""}
    needing = ("validate", "quality", "stats", "publish")
    for words in [[command, uri] for command in needing] + [["delete", uri, "--episodes", "0"], ["diff", uri, uri]]:
        refused = CliRunner().invoke(dataset_app, words)
        assert str(refused.exception) == str(ElsewhereError(uri)), words
    assert f"Bring it with `physai storage sync {uri} cube`" in str(ElsewhereError(uri))


@pytest.mark.azurite
def test_what_a_killed_viewer_brought_here_is_gone_after_a_day(blob_data: str) -> None:
    place = open_place(blob_data)
    with place.whole("lab/cube") as old, place.whole("lab/more") as new:
        os.utime(old.parent, (0, 0))
        open_place(blob_data)  # another viewer starts
        assert (old.exists(), new.exists()) == (False, True)
        old.parent.mkdir()  # so that the block finds it


@pytest.mark.azurite
def test_episodes_in_a_container_are_scored_validated_and_trained_on(blob_data: str, tmp_path: Path) -> None:
    from physai.data_management.viewer.runs import Runs

    file = tmp_path / "workflows/osmo/look.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(WORKFLOW)
    with serving(blob_data) as served:
        served.desk.runs = Runs([tmp_path])
        dataset = served.id("lab/cube")
        base = f"/api/datasets/{dataset}"
        assert served.finish(served.call("annotator", "POST", f"{base}/quality"))["state"] == "done"
        listed = served.call("viewer", "GET", f"{base}/episodes?where=quality.score >= 0").json()["items"]
        assert [line["episode"] for line in listed] == [0, 1, 2]
        assert served.finish(served.call("annotator", "POST", f"{base}/validation"))["state"] == "done"
        assert served.call("viewer", "GET", f"{base}/validation").json()["episodes"] == 3
        body = {"workflow": "look", "dataset": dataset, "where": "outcome == 'success'"}
        work = served.finish(served.call("admin", "POST", "/api/runs", json=body))
        assert work["state"] == "done", work
        run = work["link"].removeprefix("/runs/")
        found = served.until(
            lambda: served.call("viewer", "GET", f"/api/runs/{run}").json(),
            "status",
            ("WAITING", "RUNNING", "INTERRUPTED"),
        )
        assert (found["status"], found["launched"]["episodes"]) == ("COMPLETED", 2)


@pytest.mark.azurite
def test_two_viewers_and_the_command_say_at_once_and_all_of_it_is_heard(blob_data: str) -> None:
    """Two viewers, each with two people at once, and `dataset label` on the same container."""
    with serving(blob_data) as one, serving(blob_data) as other:
        path = f"/api/datasets/{one.id('lab/cube')}/episodes/0/annotations"

        def say(number: int) -> int:
            viewer = (one, other)[number % 2]
            body = {"kind": "label", "value": f"label {number}"}
            return viewer.call("annotator", "POST", path, json=body).status_code

        with ThreadPoolExecutor(4) as people:
            answers = people.map(say, range(24))
            arguments = ["label", f"{blob_data}/lab/cube", "--where", "outcome == 'success'", "--add", "by command"]
            said = CliRunner().invoke(label_app, [*arguments, "--author", "ada", "--json"])
            assert set(answers) == {200}
        assert said.exit_code == 0, said.output
        assert json.loads(said.stdout)["episodes"] == [0, 2]
        wanted = {f"label {number}" for number in range(24)} | {"by command"}
        for viewer in (one, other):
            marks = viewer.call("viewer", "GET", path.removesuffix("/annotations")).json()["said"]
            assert set(marks["labels"]) == wanted
        told = CliRunner().invoke(label_app, ["labels", f"{blob_data}/lab/cube", "--json"])
        entries = json.loads(told.stdout)["entries"]
        assert {each["annotation"]["value"] for each in entries if each["episode"] == 0} == wanted
        refused = CliRunner().invoke(
            label_app, ["label", f"{blob_data}/lab/cube", "--where", "quality.score > 0", "--add", "x"]
        )
        assert "Bring it with `physai storage sync`" in str(refused.exception)


def test_a_fault_in_work_is_told_and_stands_in_the_log_with_its_cause(caplog: pytest.LogCaptureFixture) -> None:
    def act(_: Track) -> tuple[str, str]:
        raise KeyError("a fault of ours")

    works = Works()
    started = works.start("Judging", "cube", "ada", act)
    works.close()
    assert works.get(started.id).state == "failed"
    assert "KeyError: 'a fault of ours'" in caplog.text


def test_a_run_whose_folder_is_gone_says_so_and_hides_no_other(served: Served) -> None:
    launched = Launched(
        run="train-1",
        workflow="train",
        engine="local",
        by="ada",
        at=datetime.now(UTC),
        dataset="cube",
        episodes=1,
        content="sha256:" + "0" * 64,
        values={},
    )
    launched.write(our_settings().home / "viewer/launches/train-1.json")
    (run,) = [run for run in served.call("viewer", "GET", "/api/runs").json() if run["run"] == "train-1"]
    assert (run["status"], run["alive"], run["problem"].endswith("train-1 is gone")) == ("FAILED", False, True)


WRITER = """
import sys
from physai.data_management.annotations import Annotations
from physai.data_management.described import described
from physai.data_management.tools.label_cli import app as label_app
from physai.data_management.described import described
from physai.infrastructure.storage import open_store
about, journal = described(open_store(sys.argv[1]))
store = Annotations(about, journal)
for number in range(10_000):
    store.add(0, "label", f"label {number}")
    print(number, flush=True)
"""


@pytest.mark.azurite
def test_a_writer_that_is_killed_leaves_nothing_half_said_in_a_container(blob_data: str) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, f"{blob_data}/lab/more"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(10):
            process.stdout.readline()
        process.kill()
        acknowledged = 10 + len(process.stdout.read().split())
    about, journal = described(open_store(f"{blob_data}/lab/more"))
    assert len(Annotations(about, journal).marks(0).labels) - acknowledged in (0, 1)
