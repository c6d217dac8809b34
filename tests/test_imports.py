"""The rules of the house that no linter knows: who may import whom."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOMAINS = sorted(link.name for link in (ROOT / "src/physai").iterdir() if link.is_symlink())


def modules(domain: str) -> list[Path]:
    folder = (ROOT / "src/physai" / domain).resolve()
    return [path for path in sorted(folder.rglob("*.py")) if "tests" not in path.relative_to(folder).parts]


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """(line, absolute module name) of every import in a file, relative ones as they are written."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")


def domain_imports(domain: str) -> list[tuple[str, str]]:
    return [
        (f"{path.relative_to(ROOT)}:{line}", name)
        for path in modules(domain)
        for line, name in imported(path)
        if name.split(".")[0] == "physai"
    ]


def test_eight_domains_are_linked() -> None:
    assert len(DOMAINS) == 8
    for domain in DOMAINS:
        assert (ROOT / "src/physai" / domain).resolve() == ROOT / domain.replace("_", "-")


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_domain_imports_only_the_ground_floor(domain: str) -> None:
    crossings = [f"{where}: {name}" for where, name in domain_imports(domain) if name.split(".")[1] != "infrastructure"]
    assert not crossings, (
        f"absolute imports are for physai.infrastructure; inside a domain they are relative: {crossings}"
    )


def test_the_ground_floor_stands_on_nothing() -> None:
    assert domain_imports("infrastructure") == []


@pytest.mark.parametrize("domain", DOMAINS)
def test_relative_imports_stay_inside_the_domain(domain: str) -> None:
    folder = (ROOT / "src/physai" / domain).resolve()
    for path in modules(domain):
        depth = len(path.relative_to(folder).parts)
        for line, name in imported(path):
            dots = len(name) - len(name.lstrip("."))
            assert dots <= depth, f"{path.relative_to(ROOT)}:{line} climbs out of its domain"


def test_no_circle_of_imports() -> None:
    graph = {}
    for domain in DOMAINS:
        folder = (ROOT / "src/physai" / domain).resolve()
        for path in modules(domain):
            parts = ("physai", domain, *path.relative_to(folder).with_suffix("").parts)
            is_package = parts[-1] == "__init__"
            module = ".".join(parts[:-1] if is_package else parts)
            package = parts[:-1]
            graph[module] = set(top_level_imports(path, package)) - {module}
    assert graph
    names = set(graph)
    edges = {module: sorted(targets & names) for module, targets in graph.items()}
    circle = find_circle(edges)
    assert circle is None, " -> ".join(circle or [])


def top_level_imports(path: Path, package: tuple[str, ...]) -> Iterator[str]:
    """Modules that are imported when `path` is, with `from x import y` read as both `x` and `x.y`."""
    for node in ast.parse(path.read_text()).body:
        if not isinstance(node, ast.ImportFrom):
            continue
        base = package[: len(package) - node.level + 1] if node.level else ()
        target = ".".join((*base, *((node.module or "").split(".") if node.module else ())))
        for alias in node.names:
            yield f"{target}.{alias.name}"
        if node.module:
            yield target


def find_circle(edges: dict[str, list[str]]) -> list[str] | None:
    done: set[str] = set()
    for start in edges:
        stack: list[tuple[str, Iterator[str]]] = [(start, iter(edges[start]))]
        trail = [start]
        while stack and start not in done:
            step = next(stack[-1][1], None)
            if step is None:
                done.add(stack.pop()[0])
                trail.pop()
            elif step in trail:
                return [*trail[trail.index(step) :], step]
            elif step not in done:
                stack.append((step, iter(edges[step])))
                trail.append(step)
    return None


def test_a_circle_is_found() -> None:
    assert find_circle({"a": ["b"], "b": ["c"], "c": ["b"]}) == ["b", "c", "b"]
    assert find_circle({"a": ["b", "c"], "b": ["c"], "c": []}) is None
