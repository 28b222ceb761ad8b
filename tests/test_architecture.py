"""The shape of the product, held by its own syntax trees: what may import what, names and sizes.

Each test lists its offenders. Where offenders are left, their number is in LEFT and may only fall.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TypeVar

import pytest

ROOT = Path(__file__).parents[1]
PRODUCT = ROOT / "pipeline"

FLOORS = [
    # a room imports only from floors below its own; rooms of one floor never import each other
    ["__main__", "public"],
    ["cli", "__init__"],
    ["commands"],
    ["session"],
    ["stages"],
    [
        *("sources", "imaging", "engines", "providers", "sinks", "review", "ledger", "config"),
        "server",
    ],
    ["storage"],
    ["core", "system"],
    ["records", "errors"],
]
SIDEWAYS = {
    ("sources", "imaging"),  # one sniffer
    ("review", "ledger"),
    ("review", "imaging"),
    ("review", "sinks"),
    ("records", "errors"),
}
FLOOR = {room: -line for line, rooms in enumerate(FLOORS) for room in rooms}

LEFT = {
    "names defined twice": 0,
    "empty words": 0,
    "first words": 0,
    "rooms without a word": 0,
    "long": 0,
    "untested": 0,
    "numbered placeholders": 0,
}

IMPURE = {
    *("aiohttp", "asyncio", "click", "concurrent", "ctypes", "fcntl", "glob", "http", "httpx2"),
    *("importlib", "io", "logging", "mmap", "multiprocessing", "openai", "os", "pathlib", "PIL"),
    *("platform", "pyarrow", "random", "secrets", "select", "shutil", "signal", "socket"),
    *("sqlite3", "subprocess", "sys", "tempfile", "threading", "time", "tqdm", "urllib"),
}
HEAVY = {
    *("aiohttp", "cykooz_resizer", "genai_prices", "numpy", "onnx", "onnxruntime", "openai"),
    *("orjson", "pandas", "PIL", "pillow_heif", "pillow_jxl", "pyarrow", "quicktok", "rawpy"),
    *("imagecodecs", "resvg_py"),
    "simplejpeg",
}
SQL = re.compile(
    r"\s*(SELECT\s.+\sFROM|INSERT\s+(OR\s+\w+\s+)?INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM"
    r"|(CREATE|DROP|ALTER)\s+(UNIQUE\s+)?(TABLE|INDEX|TRIGGER|VIEW)|PRAGMA\s|BEGIN\s+IMMEDIATE)",
    re.DOTALL,
)
KNOWS_SQL = {"ledger", "server", "review"}
KNOWS_CONFIG = {"config", "session", "commands", "cli", "public", "__main__", "__init__"}
MONEY = {
    "budget",
    "charges",
    "cost_estimate",
    "prices",
    "pricing",
    "reservations",
    "spend",
    "spending",
}
EMPTY_WORD = re.compile(r"found|look.*|told|asked|said|kept|given|near|whole")
# a docstring begins with a noun or a verb
NO_FIRST_WORDS = {
    *("the", "a", "an", "what", "how", "why", "who", "whose", "where", "when", "which", "whether"),
    *("true", "false", "this", "these", "it", "all", "so", "todo"),
}
MAX_FUNCTION = 45
MAX_MODULE = 300
MAX_ARROWS = 90

Node = TypeVar("Node", bound=ast.AST)
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


# -- reading the product


def modules() -> list[str]:
    """Dotted names of all modules, "pipeline.core.identity"; a package is its `__init__`."""
    paths = sorted(PRODUCT.rglob("*.py"))
    return [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths]


MODULES = modules()


@cache
def source(module: str) -> str:
    return ROOT.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8")


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(source(module))


OF_DATACLASSES = {"asdict", "astuple", "fields", "replace"}
CHANGES_DATACLASSES = {  # of options that hide some of their values from `repr`
    f"pipeline.session.{name}" for name in ("arrivals", "inputs", "service")
}


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
    targets = {
        resolved(f"{name}.{member}") or resolved(name) or module
        for name, member in imported_names(module)
        if name.partition(".")[0] == "pipeline"
    }
    return frozenset(targets - {module})


@cache
def arrows() -> dict[tuple[str, str], list[str]]:
    """(room, imported room) -> "module -> module" of each import between two rooms."""
    between = defaultdict(list)
    for module in MODULES:
        for target in sorted(product_imports(module)):
            if room(module) != room(target):
                between[room(module), room(target)].append(f"{module} -> {target}")
    return dict(between)


def nodes(kind: type[Node], rooms: set[str] | None = None) -> Iterator[tuple[str, Node]]:
    """(module, node) of each syntax node of a kind, in all rooms or in some."""
    for module in MODULES:
        if rooms is None or room(module) in rooms:
            for node in ast.walk(tree(module)):
                if isinstance(node, kind):
                    yield module, node


@cache
def texts(module: str) -> tuple[tuple[int, str], ...]:
    """(line, text) of every string that is no docstring and no bare string."""
    bare = {id(node.value) for node in ast.walk(tree(module)) if isinstance(node, ast.Expr)}
    return tuple(
        (node.lineno, node.value)
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in bare
    )


def defined(module: str) -> Iterator[Definition]:
    """Classes, functions and methods of a module that are public all the way."""
    for holder in ast.walk(tree(module)):
        if isinstance(holder, ast.Module | ast.ClassDef):
            private = getattr(holder, "name", "").startswith("_")
            for node in holder.body:
                if isinstance(node, Definition) and not (private or node.name.startswith("_")):
                    yield node


def hold(offenders: Iterable[str], rule: str | None = None) -> None:
    """Fail with the list of offenders when there are more than LEFT allows."""
    listed, allowed = sorted(offenders), LEFT[rule] if rule else 0
    assert len(listed) <= allowed, f"{len(listed)}, {allowed} allowed:\n" + "\n".join(listed)


# -- rooms, floors, arrows


def test_there_is_something_to_check() -> None:
    assert len(MODULES) > 100
    assert sum(len(product_imports(module)) for module in MODULES) > 500
    assert (
        sum(bool(SQL.match(text)) for m in MODULES if room(m) == "ledger" for _, text in texts(m))
        > 50
    )


def test_the_root_is_small() -> None:
    assert {path.stem for path in PRODUCT.glob("*.py")} <= {
        "__init__",
        "__main__",
        "errors",
        "records",
    }
    assert len({room(m) for m in MODULES if m.count(".") > 1}) <= 17


def test_every_room_has_a_floor() -> None:
    assert len(FLOORS) <= 9
    hold({room(module) for module in MODULES} - set(FLOOR))


def test_imports_point_down() -> None:
    hold(
        line
        for pair, lines in arrows().items()
        if FLOOR[pair[1]] >= FLOOR[pair[0]] and pair not in SIDEWAYS
        for line in lines
    )


def test_there_are_few_arrows_between_rooms() -> None:
    assert len(arrows()) <= MAX_ARROWS, sorted(arrows())


def test_there_is_no_circle() -> None:
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


def test_the_server_judges_for_itself() -> None:
    hold(
        line
        for pair, lines in arrows().items()
        if pair[0] == "server" and pair[1] not in {"system", "errors"}
        for line in lines
    )


def test_nobody_below_the_session_sees_the_configuration() -> None:
    below = set(FLOOR) - KNOWS_CONFIG
    named = [(m, n.lineno) for m, n in nodes(ast.Name, below) if n.id == "Config"]
    imported = [(m, 0) for (a, b) in arrows() if b == "config" for m in [a] if a in below]
    hold(f"{module} line {line}" for module, line in named + imported)


def test_every_package_says_what_its_rooms_are() -> None:
    missing = []
    for folder in sorted({ROOT.joinpath(*module.split(".")).parent for module in MODULES}):
        init = folder / "__init__.py"
        if folder == PRODUCT / "public":  # a folder of the import path, no package
            continue
        said = ast.get_docstring(ast.parse(init.read_text())) or "" if init.is_file() else ""
        rooms = {path.stem for path in folder.glob("*.py")} - {"__init__", "__main__"}
        rooms |= {path.name for path in folder.iterdir() if any(path.glob("*.py"))}
        name = folder.relative_to(ROOT)
        missing += [f"{name}: {one}" for one in rooms if not re.search(rf"\b{one}\b", said)]
    hold(missing, "rooms without a word")


# -- what stands where


def test_the_core_is_pure() -> None:
    pure = {"core", "records", "errors"}
    impure = [(m, sorted(imported_packages(m) & IMPURE)) for m in MODULES if room(m) in pure]
    called = {"open", "print", "input", "exec", "eval", "__import__"}
    hold(
        [
            *(f"{module} imports {names}" for module, names in impure if names),
            *(
                f"{module} line {node.lineno} calls {node.func.id}"
                for module, node in nodes(ast.Call, pure)
                if isinstance(node.func, ast.Name) and node.func.id in called
            ),
            *(
                f"{module} line {node.lineno} asks a clock"
                for module, node in nodes(ast.Attribute, pure)
                if node.attr in {"now", "today", "utcnow"}
            ),
        ]
    )


def test_sql_is_where_the_books_are() -> None:
    others = [module for module in MODULES if room(module) not in KNOWS_SQL]
    hold(
        [
            *(module for module in others if "sqlite3" in imported_packages(module)),
            *(f"{m} line {line}" for m in others for line, text in texts(m) if SQL.match(text)),
        ]
    )


def test_the_services_sdk_is_imported_by_providers_only() -> None:
    others = [module for module in MODULES if room(module) != "providers"]
    hold(module for module in others if imported_packages(module) & {"openai", "httpx", "httpx2"})


def test_money_is_never_a_float() -> None:
    names = {module.rpartition(".")[2] for module in MODULES}
    assert names >= MONEY
    floats = [
        *((m, n) for m, n in nodes(ast.Call) if ast.unparse(n.func) == "float"),
        *((m, n) for m, n in nodes(ast.Constant) if isinstance(n.value, float)),
    ]
    hold(f"{m} line {n.lineno}" for m, n in floats if m.rpartition(".")[2] in MONEY)


# -- names and words


def test_a_public_name_is_defined_once() -> None:
    homes: dict[str, set[str]] = defaultdict(set)
    for module in MODULES:
        for node in tree(module).body:
            if isinstance(node, Definition) and not node.name.startswith("_"):
                homes[node.name].add(module)
    for module in MODULES:
        if room(module) == "cli":
            homes["command"].discard(module)  # a click function, whose word is its module's name
        if module.endswith(".__main__"):
            homes["main"].discard(module)
    twice = (
        f"{name}: {', '.join(sorted(modules))}"
        for name, modules in homes.items()
        # a click function and the function that it calls share the command's word
        if len({m for m in modules if m != f"pipeline.cli.{name}"}) > 1
    )
    hold(twice, "names defined twice")


def test_names_say_what_things_are() -> None:
    named = [
        *((m, n.lineno, n.id) for m, n in nodes(ast.Name) if isinstance(n.ctx, ast.Store)),
        *((m, n.lineno, n.arg) for m, n in nodes(ast.arg)),
        *((m, n.lineno, n.name) for m, n in nodes(ast.FunctionDef)),
        *((m, n.lineno, n.name) for m, n in nodes(ast.ClassDef)),
    ]
    hold(
        (f"{m} line {line}: {n}" for m, line, n in named if EMPTY_WORD.fullmatch(n.lstrip("_"))),
        "empty words",
    )


def test_docstrings_begin_with_a_noun_or_a_verb() -> None:
    documented = [(module, tree(module)) for module in MODULES]
    documented += [(m, n) for kind in Definition.__args__ for m, n in nodes(kind)]
    first = [
        (module, getattr(node, "lineno", 1), (ast.get_docstring(node) or "-").split()[0])
        for module, node in documented
    ]
    hold(
        (
            f"{m} line {n}: {word}"
            for m, n, word in first
            if word.strip(".,:").lower() in NO_FIRST_WORDS
        ),
        "first words",
    )


def test_what_is_public_has_a_docstring() -> None:
    bare = [module for module in MODULES if not ast.get_docstring(tree(module))]
    bare += [
        f"{module}: {node.name}"
        for module in MODULES
        if not module.endswith(".__main__")
        for node in defined(module)
        if not ast.get_docstring(node)
        and not any("overload" in ast.unparse(d) for d in node.decorator_list)
    ]
    hold(bare)


# -- sizes


def test_modules_and_functions_are_small() -> None:
    lengths = [
        (f"{module}: {node.name}", (node.end_lineno or 0) - node.lineno + 1)
        for kind in (ast.FunctionDef, ast.AsyncFunctionDef)
        for module, node in nodes(kind)
    ]
    lines = [(module, source(module).count("\n")) for module in MODULES]
    hold(
        [
            *(f"{name}, {n} lines" for name, n in lengths if n > MAX_FUNCTION),
            *(f"{name}, {n} lines" for name, n in lines if n > MAX_MODULE),
        ],
        "long",
    )


def test_every_module_has_its_test() -> None:
    hold(
        (
            module
            for module in MODULES
            for *folders, name in [module.split(".")[1:]]
            if not name.startswith("__")
            and not ROOT.joinpath("tests", *folders, f"test_{name}.py").is_file()
        ),
        "untested",
    )


def test_functions_of_dataclasses_meet_no_struct() -> None:
    """No type checker says that `replace` and `field` of one of the two fail with the other."""
    mixed = []
    for module in MODULES:
        names = {(home, name) for home, name in imported_names(module) if name}
        is_dataclass = ("dataclasses", "dataclass") in names
        for _, struct in ((m, n) for m, n in nodes(ast.ClassDef, {room(module)}) if m == module):
            if "Struct" not in map(ast.unparse, struct.bases):
                continue
            if "field(" in ast.unparse(struct) and ("msgspec", "field") not in names:
                mixed.append(f"{module}.{struct.name}: field of dataclasses")
        of_dataclasses = {name for home, name in names if home == "dataclasses"} & OF_DATACLASSES
        if of_dataclasses and not is_dataclass and module not in CHANGES_DATACLASSES:
            mixed.append(f"{module}: {of_dataclasses} of dataclasses")
    hold(mixed)


@pytest.mark.parametrize("entry", ["pipeline", "captionmill", "pipeline.__main__"])
def test_starting_is_quick(entry: str) -> None:
    code = f"import sys, {entry}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PYTHONPATH": str(PRODUCT / "public")},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "pipeline" in loaded
    assert loaded & HEAVY == set()


def test_placeholders_are_not_numbered() -> None:
    """sqlite3 takes `?3` for a name: Python 3.12 warns of a sequence for it, 3.14 refuses it."""
    places = ((m, at, text) for m in MODULES if room(m) in KNOWS_SQL for at, text in texts(m))
    numbered = (f"{m} line {line}" for m, line, text in places if re.search(r"\?\d", text))
    hold(numbered, "numbered placeholders")
