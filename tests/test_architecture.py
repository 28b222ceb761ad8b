"""The shape of the product, held by its own syntax trees: what may import what, and sizes."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PRODUCT = ROOT / "pipeline"

RANKS = [
    # a room imports only from lines below its own; rooms of one line never import each other
    ["__main__"],
    ["cli", "__init__"],
    ["commands"],
    ["session"],
    ["stages"],
    ["sources", "engines", "providers", "sinks", "imaging", "ledger", "server", "config"],
    ["core", "system"],
    ["errors", "records"],
]
SIDEWAYS = {("sources", "imaging"), ("records", "errors")}
RANK = {room: -line for line, rooms in enumerate(RANKS) for room in rooms}

IMPURE = {
    *("aiohttp", "asyncio", "click", "concurrent", "ctypes", "fcntl", "glob", "http", "httpx2"),
    *("importlib", "io", "logging", "mmap", "multiprocessing", "openai", "os", "pathlib", "PIL"),
    *("platform", "pyarrow", "random", "secrets", "select", "shutil", "signal", "socket"),
    *("sqlite3", "subprocess", "sys", "tempfile", "threading", "time", "tqdm", "urllib"),
}
HEAVY = {
    *("aiohttp", "cykooz_resizer", "genai_prices", "numpy", "onnx", "onnxruntime", "openai"),
    *("orjson", "pandas", "PIL", "pillow_heif", "pillow_jxl", "pyarrow", "rawpy", "resvg_py"),
    "simplejpeg",
}
SQL = re.compile(
    r"\s*(SELECT\s.+\sFROM|INSERT\s+(OR\s+\w+\s+)?INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM"
    r"|(CREATE|DROP|ALTER)\s+(UNIQUE\s+)?(TABLE|INDEX|TRIGGER|VIEW)|PRAGMA\s|BEGIN\s+IMMEDIATE)",
    re.DOTALL,
)
MONEY = {"admission", "books", "budget", "prices", "pricing"}
MAX_FUNCTION = 45
MAX_MODULE = 300


def modules() -> list[str]:
    """Dotted names of all modules, "pipeline.core.identity"; a package is its `__init__`."""
    found = sorted(PRODUCT.rglob("*.py"))
    return [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in found]


MODULES = modules()
each_module = pytest.mark.parametrize("module", MODULES)


def source(module: str) -> str:
    return ROOT.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8")


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(source(module))


def room(module: str) -> str:
    return module.split(".")[1]


def resolved(name: str) -> str | None:
    """The module that a dotted name is: itself, a package's `__init__`, or None."""
    if name in MODULES:
        return name
    package = f"{name}.__init__"
    return package if package in MODULES else None


def imported_names(module: str) -> Iterator[tuple[str, str | None]]:
    """(module, name) of every import in `module`, wherever it stands."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, None
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} line {node.lineno}: relative import"
            for alias in node.names:
                yield node.module or "", alias.name


def imported_packages(module: str) -> set[str]:
    """Top-level names of what `module` imports."""
    return {name.partition(".")[0] for name, _ in imported_names(module)}


@cache
def product_imports(module: str) -> frozenset[str]:
    """The product's modules that `module` imports."""
    found = set()
    for name, member in imported_names(module):
        if name.partition(".")[0] == "pipeline":
            found.add(resolved(f"{name}.{member}") or resolved(name) or module)
    return frozenset(found - {module})


def functions(module: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def docstrings(module: str) -> set[int]:
    """Ids of the constants that are docstrings or bare strings under an assignment."""
    return {
        id(node.value)
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def texts(module: str) -> Iterator[tuple[int, str]]:
    """(line, text) of every string that is not a docstring."""
    skipped = docstrings(module)
    for node in ast.walk(tree(module)):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in skipped
        ):
            yield node.lineno, node.value


def test_there_is_something_to_check() -> None:
    assert len(MODULES) > 30
    assert sum(len(product_imports(module)) for module in MODULES) > 100


def test_every_room_has_a_rank() -> None:
    assert {room(module) for module in MODULES} <= set(RANK)


@each_module
def test_imports_point_down(module: str) -> None:
    upwards = [
        target
        for target in product_imports(module)
        if room(target) != room(module)
        and RANK[room(target)] >= RANK[room(module)]
        and (room(module), room(target)) not in SIDEWAYS
    ]
    assert upwards == []


def test_there_is_no_cycle() -> None:
    state: dict[str, str] = {}

    def visit(module: str, path: list[str]) -> None:
        assert state.get(module) != "open", " -> ".join([*path, module])
        if module not in state:
            state[module] = "open"
            for target in sorted(product_imports(module)):
                visit(target, [*path, module])
            state[module] = "done"

    for module in MODULES:
        visit(module, [])


@pytest.mark.parametrize("module", [m for m in MODULES if room(m) in {"core", "records", "errors"}])
def test_the_core_is_pure(module: str) -> None:
    assert imported_packages(module) & IMPURE == set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"open", "print", "input", "exec", "eval", "__import__"}
        if isinstance(node, ast.Attribute):
            assert node.attr not in {"now", "today", "utcnow"}, f"line {node.lineno}: a clock"


@pytest.mark.parametrize("module", [m for m in MODULES if room(m) == "server"])
def test_the_server_judges_for_itself(module: str) -> None:
    others = {room(target) for target in product_imports(module)} - {"server"}
    assert others <= {"system", "errors"}


@each_module
def test_sql_is_in_the_ledger_and_the_servers_books_only(module: str) -> None:
    if room(module) in {"ledger", "server"}:
        return
    assert "sqlite3" not in imported_packages(module)
    assert [(line, text) for line, text in texts(module) if SQL.match(text)] == []


def test_sql_is_recognised() -> None:
    found = [text for module in MODULES if room(module) == "ledger" for _, text in texts(module)]
    assert sum(bool(SQL.match(text)) for text in found) > 50


@each_module
def test_placeholders_are_not_numbered(module: str) -> None:
    """sqlite3 takes `?3` for a name: Python 3.12 warns of a sequence for it, 3.14 refuses it."""
    if room(module) in {"ledger", "server"}:
        assert [line for line, text in texts(module) if re.search(r"\?\d", text)] == []


@each_module
def test_the_services_sdk_is_imported_by_providers_only(module: str) -> None:
    if room(module) != "providers":
        assert imported_packages(module) & {"openai", "httpx", "httpx2"} == set()


@pytest.mark.parametrize("module", [m for m in MODULES if m.rpartition(".")[2] in MONEY])
def test_money_is_never_a_float(module: str) -> None:
    for node in ast.walk(tree(module)):
        where = f"{module} line {getattr(node, 'lineno', 0)}"
        assert not (isinstance(node, ast.Call) and ast.unparse(node.func) == "float"), where
        assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), where


@each_module
def test_modules_and_functions_are_small(module: str) -> None:
    assert source(module).count("\n") <= MAX_MODULE
    long = {
        f"{node.name} ({(node.end_lineno or 0) - node.lineno + 1} lines)"
        for node in functions(module)
        if (node.end_lineno or 0) - node.lineno + 1 > MAX_FUNCTION
    }
    assert long == set()


@each_module
def test_every_module_says_what_it_is(module: str) -> None:
    assert ast.get_docstring(tree(module))


@each_module
def test_what_is_public_has_a_docstring(module: str) -> None:
    if module.endswith(".__main__"):
        return
    public = [
        node
        for holder in ast.walk(tree(module))
        if isinstance(holder, ast.Module | ast.ClassDef)
        for node in holder.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not (node.name.startswith("_") or getattr(holder, "name", "").startswith("_"))
    ]
    bare = [
        node.name
        for node in public
        if not ast.get_docstring(node)
        and not any("overload" in ast.unparse(d) for d in node.decorator_list)
    ]
    assert bare == []


@each_module
def test_every_module_has_its_test(module: str) -> None:
    *folders, name = module.split(".")[1:]
    if not name.startswith("__"):
        assert ROOT.joinpath("tests", *folders, f"test_{name}.py").is_file()


@pytest.mark.parametrize("entry", ["pipeline", "pipeline.__main__"])
def test_starting_is_quick(entry: str) -> None:
    code = f"import sys, {entry}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "pipeline" in loaded
    assert loaded & HEAVY == set()
