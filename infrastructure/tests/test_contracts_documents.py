import json
import types
import typing
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import annotated_types
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, AwareDatetime, BaseModel, ValidationError
from pydantic.fields import FieldInfo

from physai.infrastructure.contracts import (
    DOCUMENTS,
    EVENTS,
    Contract,
    ContractError,
    Document,
    EpisodeEvent,
    World,
    digest_bytes,
    digest_tree,
    write_whole,
)
from physai.infrastructure.contracts.base import NotOursError
from physai.infrastructure.errors import MissingFileError

DIGESTS = st.binary(min_size=1, max_size=4).map(digest_bytes)


def values(annotation: Any, metadata: tuple[Any, ...] = ()) -> st.SearchStrategy[Any]:
    """Values of a contract's field, within its bounds."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if isinstance(annotation, typing.TypeAliasType):
        return values(annotation.__value__, metadata)
    if origin is typing.Annotated:
        extra = [item for part in arguments[1:] for item in (part.metadata if isinstance(part, FieldInfo) else [part])]
        return values(arguments[0], (*metadata, *extra))
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*(values(argument, metadata) for argument in arguments))
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if origin is tuple and arguments[-1] is ...:
        least = next((item.min_length for item in metadata if isinstance(item, annotated_types.MinLen)), 0)
        return st.lists(values(arguments[0]), min_size=least, max_size=least + 2).map(tuple)
    if origin is tuple:
        return st.tuples(*(values(argument) for argument in arguments))
    if origin is dict:
        return st.dictionaries(values(arguments[0]), values(arguments[1]), max_size=2)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return models(annotation)
    return scalars(annotation, metadata)


def scalars(annotation: Any, metadata: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    if annotation is type(None):
        return st.none()
    if annotation is AwareDatetime:
        return st.datetimes(timezones=st.just(UTC))
    if annotation is time:
        return st.times()
    if annotation is str and any(isinstance(item, AfterValidator) for item in metadata):
        return st.sampled_from(("UTC", "Europe/Berlin"))  # the one field so checked is a time zone
    if annotation is str:
        return texts(metadata)
    if annotation is bool:
        return st.booleans()
    if annotation is Any:
        return st.none() | st.booleans() | st.text(max_size=8)
    least = next((getattr(item, "ge", getattr(item, "gt", None)) for item in metadata if bound(item, "ge", "gt")), None)
    most = next((getattr(item, "le", getattr(item, "lt", None)) for item in metadata if bound(item, "le", "lt")), None)
    open_below = any(isinstance(item, annotated_types.Gt) for item in metadata)
    if annotation is int:
        return st.integers(min_value=least if not open_below else least + 1, max_value=most)
    assert annotation is float, f"no strategy for {annotation}"
    return st.floats(
        min_value=least, max_value=most, exclude_min=open_below, allow_nan=False, allow_infinity=False, width=64
    )


def texts(metadata: tuple[Any, ...]) -> st.SearchStrategy[str]:
    pattern = next((item.pattern for item in metadata if getattr(item, "pattern", None)), None)
    if pattern is not None:
        return DIGESTS if "sha256" in pattern else st.from_regex(pattern, fullmatch=True)
    least = next((item.min_length for item in metadata if isinstance(item, annotated_types.MinLen)), 0)
    return st.text(min_size=least, max_size=8)


def bound(item: object, *names: str) -> bool:
    return any(getattr(item, name, None) is not None for name in names)


def models(model: type[BaseModel]) -> st.SearchStrategy[Any]:
    fields = {name: values(field.annotation, tuple(field.metadata)) for name, field in model.model_fields.items()}

    def build(content: dict[str, Any]) -> BaseModel | None:
        try:
            return model(**content)
        except ValidationError:  # a rule between fields, such as two of the same length
            return None

    return st.fixed_dictionaries(fields).map(build).filter(lambda value: value is not None)


@pytest.mark.parametrize("contract", [*DOCUMENTS, *EVENTS], ids=lambda contract: contract.__name__)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=st.data())
def test_what_is_written_reads_back_the_same(contract: type[Contract], data: st.DataObject) -> None:
    value = data.draw(models(contract))
    assert contract.model_validate_json(value.model_dump_json()) == value


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.__name__)
@settings(
    max_examples=1,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    derandomize=True,
    database=None,
)
@given(data=st.data())
def test_every_document_is_strict(
    tmp_path_factory: pytest.TempPathFactory, document: type[Document], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("strict") / "document.json"
    value = data.draw(models(document))
    value.write(path)
    assert document.read(path) == value
    assert document.read(path).digest == value.digest
    whole = json.loads(path.read_text())
    damaged = {
        "another version": ({**whole, "version": 99}, f"version: Input should be {whole['version']}"),
        "another kind": ({**whole, "kind": "nonsense"}, "kind: Input should be"),
        "an unknown key": ({**whole, "surprise": 1}, "surprise: Extra inputs are not permitted"),
    }
    for content, message in damaged.values():
        path.write_text(json.dumps(content))
        with pytest.raises(ContractError, match=f"not a valid {document.kind_name()}: {message}") as caught:
            document.read(path)
        assert "\n" not in str(caught.value)


@given(content=st.binary(max_size=40))
def test_no_bytes_make_the_reader_fall_over(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("bytes") / "world.json"
    path.write_bytes(content)
    with pytest.raises(ContractError):
        World.read(path)


@given(cut=st.integers(min_value=0, max_value=150))
def test_a_torn_document_is_refused(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    path = tmp_path_factory.mktemp("torn") / "world.json"
    World(name="nominal").write(path)
    whole = path.read_bytes().rstrip()
    path.write_bytes(whole[: min(cut, len(whole) - 1)])
    with pytest.raises(ContractError):
        World.read(path)


def test_a_missing_document_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"nothing\.json: no world here\."):
        World.read(tmp_path / "nothing.json")


def test_an_error_quotes_the_value_and_says_how_to_compare(tmp_path: Path) -> None:
    path = tmp_path / "w.json"
    path.write_text('{"kind": "world", "version": 1, "name": "x", "stiffness_scale": -1.0}')
    with pytest.raises(ContractError) as caught:
        World.read(path)
    assert str(caught.value) == (
        f"{path}: not a valid world: stiffness_scale: Input should be greater than 0 (got -1.0). "
        "Compare it with `physai contracts show world`."
    )


def test_a_number_in_quotes_is_no_number() -> None:
    with pytest.raises(ValidationError):
        World.model_validate_json('{"name": "x", "stiffness_scale": "1.0"}')
    with pytest.raises(ValidationError):
        World.model_validate_json('{"name": "x", "stiffness_scale": NaN}')


def test_a_document_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        World(name="a").name = "b"  # type: ignore[misc]


def test_a_digest_does_not_depend_on_white_space(tmp_path: Path) -> None:
    world = World(name="nominal")
    (tmp_path / "compact.json").write_text(world.model_dump_json())
    world.write(tmp_path / "indented.json")
    assert (tmp_path / "compact.json").read_bytes() != (tmp_path / "indented.json").read_bytes()
    assert World.read(tmp_path / "compact.json").digest == World.read(tmp_path / "indented.json").digest


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_whole(tmp_path / "f", b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(tmp_path / "f", b"new")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_the_digest_of_a_folder_is_of_its_sorted_files(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c").write_bytes(b"abc")
    (tmp_path / "a").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    lines = f"{digest_bytes(b'')}  a\n{digest_bytes(b'abc')}  b/c\n"
    assert digest_tree(tmp_path) == digest_bytes(lines.encode())
    assert digest_tree(tmp_path, frozenset({"a"})) == digest_bytes(f"{digest_bytes(b'abc')}  b/c\n".encode())


def test_times_have_a_zone() -> None:
    event = EpisodeEvent.model_json_schema()
    assert event["properties"]["time"]["format"] == "date-time"
    with pytest.raises(ValidationError, match="timezone"):
        EpisodeEvent.model_validate({"id": "1", "source": "/a", "time": datetime(2026, 1, 1), "data": {}})


def test_a_file_of_another_kind_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(NotOursError, match=r"README\.md: is no world, and would be replaced"):
        World(name="nominal").write(tmp_path / "README.md")
    assert (tmp_path / "README.md").read_text() == "mine"
