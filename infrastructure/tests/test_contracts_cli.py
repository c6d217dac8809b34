import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from physai.infrastructure.contracts import DOCUMENTS, ContractError, World
from physai.infrastructure.contracts.base import NotYamlError
from physai.infrastructure.contracts.catalog import (
    CONTRACTS,
    NotJsonError,
    StaleSchemasError,
    UnknownKindError,
    files,
    schema,
)
from physai.infrastructure.contracts.cli import app
from physai.infrastructure.errors import MissingFileError

REPOSITORY = Path(__file__).parents[2]
COMMITTED = REPOSITORY / "infrastructure/specifications/schemas"


def run(*words: str) -> str:
    result = CliRunner().invoke(app, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_every_contract_is_listed_with_its_version() -> None:
    listed = {kind["kind"]: kind["version"] for kind in json.loads(run("list", "--json"))["contracts"]}
    assert listed == {
        **{document.kind_name(): 1 for document in DOCUMENTS},
        "dataset-verification": 2,
        "drift-report": 3,
        "generated-clip": 2,
        "retrain-request": 2,
        "verification-report": 2,
        **dict.fromkeys(("episode-event", "control-event", "health-event", "signal-event")),
        **dict.fromkeys(files(), 1),
    }
    assert "policy-package" in run("list")


def test_a_schema_describes_its_fields_and_refuses_others() -> None:
    world = json.loads(run("show", "world"))
    assert world["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert world["properties"]["stiffness_scale"]["description"].startswith("Factor on every actuator's stiffness")
    assert world["additionalProperties"] is False


def test_what_people_write_for_one_domain_is_shown_and_checked() -> None:
    assert {"evaluation.gate-rules", "fleet-deployment.gate-rules", "robot-topics", "site"} <= files().keys()
    assert "| `false_stop` | `float`, > 0, < 0.5 | `0.01` |" in run("show", "fleet-deployment.gate-rules", "--fields")
    for path in ("evaluation/gates.yaml", "fleet-deployment/examples/cell.yaml"):
        assert "a valid " in run("validate", str(REPOSITORY / path))


def test_of_two_files_of_one_kind_the_fields_tell_which_it_is(tmp_path: Path) -> None:
    path = tmp_path / "gate.yaml"
    path.write_text("kind: gate-rules\nversion: 1\ncondition: {docket: true}\n")
    with pytest.raises(ContractError, match=r"condition\.docket: Extra inputs"):
        run("validate", str(path))
    with pytest.raises(UnknownKindError, match=r"one of evaluation\.gate-rules, fleet-deployment\.gate-rules"):
        run("show", "gate-rules")


def test_a_file_that_names_no_kind_is_checked_as_what_it_is_said_to_be() -> None:
    profile = str(REPOSITORY / "infrastructure/terraform/profiles/dev.tfvars.json")
    with pytest.raises(UnknownKindError, match="or by --as"):
        run("validate", profile)
    assert "a valid platform-profile" in run("validate", profile, "--as", "platform-profile")


def test_the_committed_schemas_are_those_of_the_models() -> None:
    assert "all up to date" in run("export", str(COMMITTED), "--check")


def test_a_schema_that_differs_or_is_left_over_fails_the_check(tmp_path: Path) -> None:
    folder = tmp_path / "schemas"
    assert f"{len(CONTRACTS)} changed" in run("export", str(folder))
    run("export", str(folder), "--check")
    (folder / "world.schema.json").write_text("{}")
    (folder / "gone.schema.json").write_text("{}")
    with pytest.raises(StaleSchemasError, match=r"out of date: gone\.schema\.json, world\.schema\.json"):
        run("export", str(folder), "--check")
    assert "2 changed" in run("export", str(folder))
    assert json.loads((folder / "world.schema.json").read_text()) == schema("world")
    assert not (folder / "gone.schema.json").exists()


def test_a_file_is_checked_by_the_kind_it_names(tmp_path: Path) -> None:
    path = World(name="nominal").write(tmp_path / "w.json")
    assert run("validate", str(path)) == f"{path}: a valid world, {World(name='nominal').digest}\n"
    assert json.loads(run("validate", str(path), "--json"))["name"] == "nominal"


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (b'{"kind": "wrold"}', UnknownKindError, "kind 'wrold' is unknown. Did you mean 'world'"),
        (b"{}", UnknownKindError, "kind None is unknown"),
        (b'{"kind": ["world"]}', UnknownKindError, r"kind \['world'\] is unknown"),
        (b"[1]", NotJsonError, "it is a list"),
        (b"{", NotJsonError, "not a JSON object"),
        (b"\xff\xfe", NotJsonError, "not a JSON object"),
        (b"[" * 5000, NotJsonError, "not a JSON object"),
        (b'{"kind": "world", "version": 2, "name": "x"}', ContractError, "version: Input should be 1"),
    ],
)
def test_a_file_that_is_no_contract_is_refused(
    tmp_path: Path, content: bytes, error: type[Exception], message: str
) -> None:
    (tmp_path / "f.json").write_bytes(content)
    with pytest.raises(error, match=message) as caught:
        run("validate", str(tmp_path / "f.json"))
    assert "\n" not in str(caught.value)


def test_what_people_write_is_checked_as_yaml(tmp_path: Path) -> None:
    path = tmp_path / "variations.yaml"
    path.write_text("kind: variations\nversion: 1\ncopies: 3\n")
    assert json.loads(run("validate", str(path), "--json"))["copies"] == 3
    path.write_text("kind: [variations\n")
    with pytest.raises(NotYamlError):
        run("validate", str(path))


def test_a_missing_file_and_an_unknown_kind_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        run("validate", str(tmp_path / "nothing"))
    with pytest.raises(UnknownKindError, match="Known: "):
        run("show", "wrold")
