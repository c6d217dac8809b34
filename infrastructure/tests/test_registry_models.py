"""Packages in MLflow's model registry, on a real SQLite database."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from physai.infrastructure.contracts import Digest
from physai.infrastructure.registry.models import aliased, register
from physai.infrastructure.settings import Settings
from physai.infrastructure.tracking.errors import TrackingError

A: Digest = "sha256:" + "a" * 64
B: Digest = "sha256:" + "b" * 64

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # inside MLflow


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("home")).filled()


def test_a_package_is_registered_once_however_often_it_is_told(where: Settings) -> None:
    with ThreadPoolExecutor(4) as pool:
        versions = set(pool.map(lambda _: register("once", A, where=where), range(8)))
    assert versions == {"1"}


def test_aliases_move_from_version_to_version(where: Settings) -> None:
    assert register("moves", A, alias="candidate", where=where) == "1"
    register("moves", A, alias="champion", where=where)
    assert register("moves", B, run_id="0123", alias="candidate", where=where) == "2"
    assert (aliased("moves", "candidate", where), aliased("moves", "champion", where)) == (B, A)


def test_an_alias_of_nothing_is_none(where: Settings) -> None:
    assert aliased("nobody", "champion", where) is None


@pytest.mark.parametrize("uri", ["sqlite:///{folder}/file", "sqlite:///{folder}/file/mlflow.db", "oops://nowhere"])
def test_a_database_that_cannot_be_opened_is_one_line(tmp_path: Path, uri: str) -> None:
    (tmp_path / "file").write_text("not a database" * 10)
    lost = Settings(home=tmp_path, tracking_uri=uri.format(folder=tmp_path)).filled()
    with pytest.raises(TrackingError) as error:
        register("reach", A, where=lost)
    assert "\n" not in str(error.value)
