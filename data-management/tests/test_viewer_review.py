"""Reviewing rollouts and generated episodes: what is told of each, and deciding by keys in a real Chromium."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from physai.data_management.annotations import Annotations
from physai.data_management.tools.edit import delete, merge
from physai.data_management.viewer.runs import Runs
from physai.infrastructure.datasets import Dataset

from .test_viewer_service import WORKFLOW
from .viewer_data import CONDITIONS, ROWS, Served, in_azurite, make_dataset, make_rollouts, make_synthetic, serving
from .viewer_page import CHROMIUM, fits, settle, shown, wait

chromium = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
CANDIDATE, CHAMPION = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
OUTCOMES = (True, False, False, False)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("review") / "data"
    make_rollouts(root / "candidate", CANDIDATE, OUTCOMES)
    make_rollouts(root / "champion", CHAMPION, (True, True, False), told=False)
    make_dataset(root / "recorded")
    make_synthetic(root / "varied", root / "recorded")
    return root


@pytest.fixture
def served(template: Path, tmp_path: Path) -> Iterator[Served]:
    shutil.copytree(template, tmp_path / "data")
    with serving(str(tmp_path / "data")) as found:
        yield found


def get(served: Served, path: str) -> Any:
    answer = served.call("viewer", "GET", path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_rollout_tells_outcome_policy_and_what_another_policy_did_under_its_condition(served: Served) -> None:
    path = f"/api/datasets/{served.id('candidate/rollouts')}"
    found = get(served, f"{path}/review")
    assert found["outcomes"] == {"success": 1, "failure": 3}
    assert found["decisions"] == {"accept": 0, "reject": 0, "unsure": 0, "open": 4}
    assert (found["policies"], found["film"], found["left_out"]) == ({CANDIDATE: 4}, True, [])
    view = get(served, f"{path}/episodes/1")
    assert (view["policy"], view["outcome"], view["source"], view["source_episode"]) == (
        CANDIDATE,
        "failure",
        CONDITIONS,
        1,
    )
    rival = f"{served.id('champion/rollouts')}/1"
    assert view["rivals"] == [{"address": rival, "policy": CHAMPION, "outcome": "unknown"}]
    film = served.call("viewer", "GET", f"{path}/film", headers={"Range": "bytes=4-7"})
    assert (film.status_code, film.content) == (206, b"ftyp")
    assert served.call("viewer", "GET", f"/api/datasets/{served.id('varied')}/film").status_code == 404


def test_an_outcome_that_only_the_rows_tell_is_told_and_filtered_by(served: Served) -> None:
    path = f"/api/datasets/{served.id('champion/rollouts')}"
    assert get(served, f"{path}/review")["outcomes"] == {"success": 2, "failure": 1}
    assert [get(served, f"{path}/episodes/{episode}")["outcome"] for episode in range(3)] == [
        "success",
        "success",
        "failure",
    ]
    listed = get(served, f"{path}/episodes?where=outcome == 'failure'")["items"]
    assert [(line["episode"], line["outcome"]) for line in listed] == [(2, "failure")]


def test_a_generated_episode_tells_its_scores_limits_vote_and_original(served: Served) -> None:
    path, recorded = f"/api/datasets/{served.id('varied')}", served.id("recorded")
    view = get(served, f"{path}/episodes/3")
    assert view["original"] == f"{recorded}/0"
    told = view["verified"]
    assert (told["clip"], told["backend"], told["vote"]) == ("e0000-v00", "local", "The cube is put into the ring.")
    assert told["checks"] == [
        {"name": "fit", "value": 0.98, "limit": "at least 0.965", "holds": True},
        {"name": "lag_rows", "value": 0.1, "limit": "at most 0.75", "holds": True},
    ]
    assert get(served, f"{path}/episodes/0")["verified"] is None
    found = get(served, f"{path}/review")
    assert found["synthetic"] == 2
    (rejected,) = found["left_out"]
    assert (rejected["clip"], rejected["original"]) == ("e0001-v00", f"{recorded}/1")
    assert (rejected["reasons"], rejected["checks"][0]["holds"]) == (["fit: 0.51, must be at least 0.965"], False)
    listed = get(served, f"{path}/episodes?where=synthetic and review is None")["items"]
    assert [line["episode"] for line in listed] == [3, 4]


def test_scores_and_original_follow_a_generated_episode_through_edits(served: Served, tmp_path: Path) -> None:
    """After two edits the nearest dataset at hand has the clip too; its original is the recorded episode."""
    delete(tmp_path / "data/varied", [1], output=tmp_path / "data/less")
    delete(tmp_path / "data/less", [0], output=tmp_path / "data/least")
    served.desk.catalog.forget()
    view = get(served, f"/api/datasets/{served.id('least')}/episodes/2")
    assert view["original"] == f"{served.id('recorded')}/2"
    assert (view["verified"]["clip"], view["verified"]["checks"][0]["limit"]) == ("e0002-v00", "at least 0.965")
    verification = Dataset(tmp_path / "data/least").verification
    assert verification is not None
    (verdicts,) = verification.plans
    assert [(clip.id, clip.episode) for clip in verdicts.clips] == [
        ("e0000-v00", 1),
        ("e0001-v00", None),
        ("e0002-v00", 2),
    ]
    merge([tmp_path / "data/recorded", tmp_path / "data/least"], tmp_path / "data/both")
    merged = Dataset(tmp_path / "data/both")
    assert merged.verification is not None
    assert [clip.episode for clip in merged.verification.plans[0].clips] == [4, None, 5]
    assert merged.verify()


def test_a_decision_has_author_and_time_and_is_the_commands_too(served: Served, tmp_path: Path) -> None:
    path = f"/api/datasets/{served.id('candidate/rollouts')}"
    body = {"kind": "review", "value": "reject"}
    refused = served.call("viewer", "POST", f"{path}/episodes/1/annotations", json=body)
    assert refused.status_code == 403
    said = served.call("annotator", "POST", f"{path}/episodes/1/annotations", json=body).json()
    assert (said["decision"]["author"], said["decision"]["value"]) == ("the annotator", "reject")
    assert datetime.now(UTC) - datetime.fromisoformat(said["decision"]["at"]) < timedelta(minutes=1)
    marks = Annotations(Dataset(tmp_path / "data/candidate/rollouts")).marks(1)
    assert marks.decision is not None
    assert (marks.review, marks.decision.author) == ("reject", "the annotator")
    assert get(served, f"{path}/review")["decisions"] == {"accept": 0, "reject": 1, "unsure": 0, "open": 3}
    back = served.call("annotator", "DELETE", f"{path}/episodes/1/annotations/{said['decision']['id']}").json()
    assert (back["review"], back["decision"]) == (None, None)


def test_the_list_of_reviews_names_what_is_left_to_decide(served: Served) -> None:
    dataset = served.id("candidate/rollouts")
    for episode in range(4):
        path = f"/api/datasets/{dataset}/episodes/{episode}/annotations"
        served.call("annotator", "POST", path, json={"kind": "review", "value": "accept"})
    page = served.call("viewer", "GET", "/review").text
    assert "4 accepted, 0 rejected, 0 unsure, 0 open" in page
    assert page.index(">varied<") < page.index(">champion/rollouts<") < page.index(">candidate/rollouts<")
    assert ">recorded<" not in page


def open_review(page: Any, served: Served, name: str, query: str = "") -> None:
    page.goto(f"{served.url}/datasets/{served.id(name)}/review{query}")
    wait(page, "document.getElementById('review')?.clock !== undefined")
    settle(page)


def at(page: Any, episode: int) -> None:
    wait(page, f"document.getElementById('review').dataset.episode === '{episode}'")


@chromium
def test_rollouts_are_filtered_by_outcome_and_decided_by_keys(page: Any, served: Served, tmp_path: Path) -> None:
    page.goto(served.url)
    page.click("nav >> text=Review")
    page.click(".waiting >> text=candidate/rollouts")
    at(page, 0)
    page.click("#outcomes [data-name=failure]")
    at(page, 1)
    settle(page)
    assert shown(page) == (0, 1, 0)
    assert "111111111111" in page.inner_text("#facts")
    page.keyboard.press("r")
    at(page, 2)
    page.keyboard.press("a")
    at(page, 3)
    page.keyboard.press("p")
    at(page, 2)
    assert "accepted by the admin" in page.inner_text("#decision")
    page.keyboard.press("n")
    at(page, 3)
    page.keyboard.press("u")
    wait(page, "!document.getElementById('nothing').hidden")
    decided = [marks.review for marks in Annotations(Dataset(tmp_path / "data/candidate/rollouts")).all_marks()]
    assert decided == [None, "reject", "accept", "unsure"]
    page.click("#decisions [data-name=reject]")
    at(page, 1)
    page.click("#take-back")
    wait(page, "document.getElementById('decision').textContent.includes('Not decided')")
    assert Annotations(Dataset(tmp_path / "data/candidate/rollouts")).marks(1).review is None
    page.keyboard.press("z")
    wait(page, "document.getElementById('decision').textContent.includes('rejected by the admin')")
    page.keyboard.press("z")
    page.keyboard.press("z")  # that episode 3 is unsure, and that episode 2 is accepted, are undone
    wait(page, "document.querySelector('#decisions [data-name=unsure]').textContent === 'unsure 0'")
    wait(page, "document.querySelector('#decisions [data-name=accept]').textContent === 'accepted 0'")
    decided = [marks.review for marks in Annotations(Dataset(tmp_path / "data/candidate/rollouts")).all_marks()]
    assert decided == [None, "reject", None, None]
    assert page.locator("#film video").get_attribute("src").endswith("/film")


@chromium
def test_a_generated_episode_is_seen_beside_its_original_on_one_clock(page: Any, served: Served) -> None:
    open_review(page, served, "varied")
    page.click("#outcomes [data-name=synthetic]")
    at(page, 3)
    settle(page)
    assert page.locator("#films video").count() == 4
    page.evaluate("document.getElementById('review').clock.toFrame(17)")
    settle(page)
    assert shown(page, 1) == (17, 0, 0)  # the original, by what its colours tell
    assert "original" in page.inner_text("#films figure:nth-child(2) figcaption")
    assert "at least 0.965" in page.inner_text("#checks")
    assert "The cube is put into the ring." in page.inner_text("#checks")
    assert "fit: 0.51, must be at least 0.965" in page.inner_text("#left-out")
    page.keyboard.press("o")
    wait(page, "document.querySelectorAll('#films video').length === 2")
    page.keyboard.press(" ")
    wait(page, f"document.getElementById('scrub').value === '{ROWS - 1}'")


@chromium
def test_what_was_rejected_is_deleted_from_the_review_and_comes_back(page: Any, served: Served, tmp_path: Path) -> None:
    root = tmp_path / "data/candidate/rollouts"
    open_review(page, served, "candidate/rollouts")
    page.keyboard.press("r")
    at(page, 1)
    page.keyboard.press("r")
    at(page, 2)
    page.click("#decisions [data-name=reject]")
    at(page, 0)
    page.click("[data-operation=delete]")
    page.click("#look")
    page.wait_for_selector("#preview .change")
    page.click("#apply")
    page.wait_for_url(f"**/datasets/{served.id('candidate/rollouts')}")
    wait(page, "document.querySelectorAll('.episode').length === 2")
    assert Dataset(root).num_episodes == 2
    page.click("#undo")
    wait(page, "document.querySelectorAll('.episode').length === 4")
    assert [marks.review for marks in Annotations(Dataset(root)).all_marks()][:2] == ["reject", "reject"]


@chromium
def test_what_was_accepted_is_trained_on_from_the_review(page: Any, served: Served, tmp_path: Path) -> None:
    file = tmp_path / "workflows/osmo/look.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(WORKFLOW)
    served.desk.runs = Runs([tmp_path])
    open_review(page, served, "varied")
    page.keyboard.press("x")
    page.keyboard.press("n")
    at(page, 1)
    page.keyboard.press("x")
    assert page.inner_text("#chosen") == "2 chosen"
    page.click("#train")
    page.select_option("#launch-form [name=workflow]", "look")
    page.click("#launch")
    page.wait_for_url("**/runs/look-*", timeout=60_000)
    page.wait_for_selector("#status.COMPLETED", timeout=120_000)


@chromium
def test_the_review_fits_its_screen_and_can_be_hit_by_a_finger(page: Any, served: Served) -> None:
    names = ("varied", "candidate/rollouts", "recorded")
    paths = ["/review", *(f"/datasets/{served.id(name)}/review" for name in names)]
    paths.append(f"/datasets/{served.id('varied')}/review?episode=3")
    fits(page, served.url, paths, ".verdicts button, .transport button, .queue button, nav a")


@pytest.fixture
def in_container(template: Path, tmp_path: Path) -> Iterator[str]:
    """The same datasets in a container of Azurite."""
    with in_azurite(template, tmp_path) as address:
        yield address


@chromium
@pytest.mark.azurite
def test_rollouts_in_a_container_are_reviewed_and_the_good_ones_kept(browser: Any, in_container: str) -> None:
    with serving(in_container) as served:
        context = browser.new_context(viewport={"width": 1024, "height": 768})
        context.add_cookies([{"name": "role", "value": "admin", "url": served.url}])
        page = context.new_page()
        open_review(page, served, "candidate/rollouts")
        assert shown(page) == (0, 0, 0)
        page.keyboard.press("a")
        at(page, 1)
        page.keyboard.press("r")
        at(page, 2)
        page.click("#decisions [data-name=accept]")
        at(page, 0)
        assert page.locator("#undo").count() == 1  # labels are undone where they lie
        page.click("[data-operation=keep]")
        page.click("#look")
        assert not page.locator("#preview .change").count()  # a name is needed
        page.fill("#edit-form [name=name]", "accepted")
        page.click("#look")
        page.wait_for_selector("#preview .change")
        page.click("#apply")
        page.wait_for_url(f"{served.url}/")
        page.wait_for_selector("text=candidate/accepted")
        context.close()
        view = get(served, f"/api/datasets/{served.id('candidate/accepted')}")
        assert view["card"]["episodes"] == 1
        assert get(served, f"/api/datasets/{served.id('candidate/rollouts')}/review")["decisions"]["accept"] == 1
