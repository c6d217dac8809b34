"""Which source files a task's command reaches, and their digest: new code makes an old result stale."""

import re
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

from ..contracts import Digest, digest_bytes, digest_file

GROUP = "physai.commands"
GROUND_FLOOR = "physai.infrastructure"
SUFFIXES = frozenset({".py", ".json", ".yaml", ".yml", ".toml"})
# Not code that a task runs. `jobs` only starts it.
LEFT_OUT = frozenset(
    {"tests", "docs", "examples", "specifications", "workflows", "setup", "terraform", "__pycache__", "node_modules"}
)
ENGINE = Path(__file__).parent
SCRIPTS = frozenset({".py", ".sh", ".bash", ".json", ".yaml", ".yml", ".toml"})
CALL = re.compile(r"\bphysai\s+([a-z][a-z-]*)")
MODULE = re.compile(r"\bphysai\.([a-z_]+)")


def code_digest(texts: list[str]) -> dict[str, Digest]:
    """Digests of the code that a command reaches.

    Args:
        texts: The command and its arguments, and the contents of injected scripts.

    Returns:
        Python package, or path of a local script named in an argument → digest of its source.
    """
    text = " ".join(texts)
    packages = {package for name in CALL.findall(text) if (package := _commands().get(name))}
    packages |= {f"physai.{name}" for name in MODULE.findall(text)} & set(_commands().values())
    if packages:
        packages.add(GROUND_FLOOR)
    found = {package: _package_digest(package) for package in sorted(packages)}
    for word in texts:
        path = Path(word.rpartition("=")[2])
        if len(word) < 4096 and path.is_absolute() and path.suffix in SCRIPTS and path.is_file():
            found[str(path)] = digest_file(path)
    return found


@cache
def _commands() -> dict[str, str]:
    """Command → package of its domain: `training` → `physai.training`."""
    return {entry.name: ".".join(entry.module.split(".")[:2]) for entry in entry_points(group=GROUP)}


@cache
def _package_digest(package: str) -> Digest:
    spec = find_spec(package)
    folders = [Path(place).resolve() for place in (spec.submodule_search_locations or [])] if spec else []
    lines = [
        f"{digest_file(path)}  {path.relative_to(folder).as_posix()}\n"
        for folder in folders
        for path in _sources(folder)
    ]
    return digest_bytes("".join(lines).encode())


def _sources(folder: Path) -> list[Path]:
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix in SUFFIXES
        and not LEFT_OUT.intersection(path.relative_to(folder).parts[:-1])
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and not path.is_relative_to(ENGINE)
        and path.is_file()
    ]
