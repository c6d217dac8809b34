"""Verdicts on generated episodes go where the episodes go."""

from pathlib import Path

import pytest

from physai.data_management.tools.edit import delete, merge
from physai.infrastructure.datasets import Dataset

from .viewer_data import THRESHOLDS, make_dataset, make_synthetic

FIRST, SECOND = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"


@pytest.fixture(scope="module")
def varied(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same recordings varied by two plans: episodes 0 to 2 are recorded, 3 and 4 generated, a clip is rejected."""
    root = tmp_path_factory.mktemp("plans")
    recorded = make_dataset(root / "recorded")
    return make_synthetic(root / "first", recorded, FIRST), make_synthetic(root / "second", recorded, SECOND)


def places(root: Path) -> dict[str, list[tuple[str, int | None]]]:
    """Plan → its clips and which episodes they are."""
    verification = Dataset(root).verification
    assert verification is not None
    return {plan.plan: [(clip.id, clip.episode) for clip in plan.clips] for plan in verification.plans}


def test_datasets_of_two_plans_keep_the_verdicts_of_both(varied: tuple[Path, Path], tmp_path: Path) -> None:
    merge(varied, tmp_path / "both")
    assert places(tmp_path / "both") == {
        FIRST: [("e0000-v00", 3), ("e0001-v00", None), ("e0002-v00", 4)],
        SECOND: [("e0000-v00", 8), ("e0001-v00", None), ("e0002-v00", 9)],
    }
    merged = Dataset(tmp_path / "both")
    assert merged.verification is not None
    found = merged.verification.of_episode(9)
    assert found is not None
    verdicts, clip = found
    generated = merged.required_provenance.episodes[9].generated
    assert generated is not None
    assert (verdicts.plan, clip.scores) == (generated.plan, generated.scores)
    assert (verdicts.thresholds, verdicts.judge) == (THRESHOLDS, "reason-2")
    assert merged.verification.of_episode(5) is None
    assert merged.verify() == merged.required_provenance.content


def test_they_follow_through_a_later_edit(varied: tuple[Path, Path], tmp_path: Path) -> None:
    merge(varied, tmp_path / "both")
    delete(tmp_path / "both", [0, 4], output=tmp_path / "less")
    assert places(tmp_path / "less") == {
        FIRST: [("e0000-v00", 2), ("e0001-v00", None)],
        SECOND: [("e0000-v00", 6), ("e0001-v00", None), ("e0002-v00", 7)],
    }


def test_a_plan_in_two_datasets_is_told_once(varied: tuple[Path, Path], tmp_path: Path) -> None:
    delete(varied[0], [0, 1, 4], output=tmp_path / "one")
    delete(varied[0], [0, 1, 3], output=tmp_path / "other")
    merge([tmp_path / "one", tmp_path / "other"], tmp_path / "both")
    assert places(tmp_path / "both") == {FIRST: [("e0000-v00", 1), ("e0001-v00", None), ("e0002-v00", 3)]}
