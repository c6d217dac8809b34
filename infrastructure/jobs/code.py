"""Which source files a task's command reaches, and their digest: new code makes an old result stale."""

import ast
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from ..commands import domains
from ..contracts import Digest, digest_bytes, digest_file

GROUND_FLOOR = "physai.infrastructure"
SUFFIXES = frozenset({".py", ".json", ".yaml", ".yml", ".toml"})
# Not code that a task runs. `jobs` only starts it.
LEFT_OUT = frozenset(
    {
        "tests",
        "docs",
        "examples",
        "specifications",
        "specs",
        "workflows",
        "setup",
        "terraform",
        "__pycache__",
        "node_modules",
    }
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
    commands = [_commands()[name] for name in CALL.findall(text) if name in _commands()]
    domains = {".".join(module.split(".")[:2]) for module in commands}
    mentioned = {f"physai.{name}" for name in MODULE.findall(text)} & _domains()
    packages = (domains | mentioned) - {GROUND_FLOOR}
    found = {package: _package_digest(package) for package in sorted(packages)}
    if domains or mentioned:
        rooms = {module.split(".")[2] for module in commands if module.startswith(f"{GROUND_FLOOR}.")}
        whole = GROUND_FLOOR in mentioned
        found[GROUND_FLOOR] = _ground_digest(None if whole else frozenset(rooms), frozenset(packages))
    for word in texts:
        path = Path(word.rpartition("=")[2])
        if len(word) < 4096 and path.is_absolute() and path.suffix in SCRIPTS and path.is_file():
            found[str(path)] = digest_file(path)
    return found


@cache
def _commands() -> dict[str, str]:
    """Command → module of its entry point: `training` → `physai.training.cli`."""
    return {name: entry.module for name, entry in domains().items()}


def _domains() -> set[str]:
    return {".".join(module.split(".")[:2]) for module in _commands().values()}


@cache
def _ground_digest(rooms: frozenset[str] | None, packages: frozenset[str]) -> Digest:
    """Digest of the rooms of the ground floor that commands stand on, directly or through other rooms.

    A room is a folder or a module right below `physai.infrastructure`; it counts whole, data in it included. What is
    imported by a name that is made up at run time is not seen: nothing on the ground floor does that but the command
    line itself, which loads the domain.

    Args:
        rooms: In which the commands themselves are; None for all there are.
        packages: Domains that they reach.
    """
    [floor] = _folders(GROUND_FLOOR)
    sources = _sources(floor)
    if rooms is not None:
        wanted = set(rooms) | {"cli", "__init__"}
        wanted |= {room for package in packages for folder in _folders(package) for room in _imported(folder, package)}
        known: set[str] = set()
        while new := wanted - known:
            known |= new
            inside = [path for path in sources if _room(floor, path) in new]
            wanted |= {room for path in inside for room in _rooms_of(path, _module(floor, path, GROUND_FLOOR))}
        sources = [path for path in sources if _room(floor, path) in known]
    lines = [f"{digest_file(path)}  {path.relative_to(floor).as_posix()}\n" for path in sources]
    return digest_bytes("".join(lines).encode())


def _imported(folder: Path, package: str) -> set[str]:
    """Rooms of the ground floor that the sources of a domain name."""
    return {room for path in _sources(folder) for room in _rooms_of(path, _module(folder, path, package))}


def _rooms_of(path: Path, module: str) -> set[str]:
    """Rooms of the ground floor that a source file imports, wherever in it."""
    if path.suffix != ".py":
        return set()
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".")[: -node.level] if node.level else []
            base = ".".join([*parts, *([node.module] if node.module else [])])
            names |= {f"{base}.{alias.name}" for alias in node.names}
    return {name.split(".")[2] for name in names if name.startswith(f"{GROUND_FLOOR}.")}


def _module(folder: Path, path: Path, package: str) -> str:
    """Name of a module; of a package with its `__init__`, so that one level up is the package itself."""
    return ".".join([package, *path.relative_to(folder).with_suffix("").parts])


def _room(floor: Path, path: Path) -> str:
    return path.relative_to(floor).parts[0].removesuffix(".py")


def _folders(package: str) -> list[Path]:
    spec = find_spec(package)
    return [Path(place).resolve() for place in (spec.submodule_search_locations or [])] if spec else []


@cache
def _package_digest(package: str) -> Digest:
    lines = [
        f"{digest_file(path)}  {path.relative_to(folder).as_posix()}\n"
        for folder in _folders(package)
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
