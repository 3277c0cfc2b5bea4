"""The house's own rules, held by machine: docstrings, budgets, mirrored tests, words that belong to one room."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("auditstream", "ingest", "processor", "rules", "wire")
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50

# Past a budget, split; or stand here with the reason.
LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}

# Modules whose tests stand elsewhere, and where.
TESTED_ELSEWHERE: dict[str, str] = {
    "auditstream/kafka_consumer.py": "test_kafka_reader.py and test_kafka_inventory.py: what reads with it",
    "auditstream/kafka_watch.py": "test_ingest_command.py: what is told of a Kafka that goes and comes",
}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_the_rooms_are_the_top_level_packages() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages == set(ROOMS)


@pytest.mark.parametrize("path", [*MODULES, *TESTS], ids=_name)
def test_a_module_says_what_it_is(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert docstring, "open it with what comes in, what goes out and who calls it"
    assert docstring[0].isupper() or docstring[0] in "`'", docstring
    assert docstring.rstrip()[-1] in ".:`)", "sentences end"


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_file_holds_one_idea(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    assert (lines > MAX_FILE_LINES) == (_name(path) in LONG_FILES), f"{lines} lines"


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_function_holds_one_idea(path: Path) -> None:
    long = {
        f"{_name(path)}:{function.name}"
        for function in _functions(ast.parse(path.read_text()))
        if (function.end_lineno or 0) - function.lineno + 1 > MAX_FUNCTION_LINES
    }
    assert long == {name for name in LONG_FUNCTIONS if name.startswith(f"{_name(path)}:")}


@pytest.mark.parametrize("path", [path for path in MODULES if path.name != "__init__.py"], ids=_name)
def test_a_module_has_its_tests(path: Path) -> None:
    relative = path.relative_to(ROOT)
    expected = ROOT / "tests" / relative.parent / f"test_{relative.name}"
    assert expected.exists() or _name(path) in TESTED_ELSEWHERE, f"{_name(expected)} is missing"


@pytest.mark.parametrize("path", [path for path in MODULES if path.name != "__init__.py"], ids=_name)
def test_a_module_is_named_by_what_it_is(path: Path) -> None:
    assert not re.search(r"(^|_)(util|utils|helper|helpers|common|manager|misc|base)($|_)", path.stem)


# The room test of docs/architecture.md, for the lines that text alone gives away: (what, words, where they may stand).
# Words are looked for in code: names and strings, not comments and docstrings.
ROOM_TEST = (
    (
        "awaits",
        r"\b(async|await)\b",
        r"ingest/(webhook|app|kafka|publisher)|processor/(stream/|sinks)|auditstream/(serve|local_topic|kafka_|connections)",
    ),
    (
        "speaks of topics, partitions, offsets",
        r"(?<!\.)\b(topics?|partitions?)\b",
        r"wire/topics|ingest/kafka|processor/stream/|auditstream/(local_topic|serve|kafka_|cli)|settings",
    ),
    ("says an HTTP status", r"\bstatus_code\b", r"ingest/webhook"),
    (
        "names a part of an event",
        r"\b(objectRef|requestObject|responseObject|sourceIPs|requestURI)\b",
        r"rules/(event|\w*fields|podspec|paths)|ingest/(affinity|redact|envelope|mend|imported)|processor/(sighting|request|bulk|shown)",
    ),
    ("writes Python source", r"(?<![.\w])(exec|compile|eval)\(", r"rules/codegen|stream/delivery"),
    ("reads the environment", r"\benviron\b|\bgetenv\b", r"settings"),
    (
        "opens a file",
        r"(?<!\.)(?<!def )\bopen\(|\bread_bytes\(|\bread_text\(",
        r"processor/rule_files|auditstream/(bodies|replay|cli|demo|dead_letter|file_value|sample_files|tokens_command)",
    ),
    (
        "asks the time",
        r"\btime\.(time|monotonic|perf_counter)\b|\bdatetime\.now\b",
        r"auditstream/|ingest/(webhook|app|kafka)|stream/(lease|checkpoint|worker)",
    ),
)


def _code(path: Path) -> str:
    """Return a module's code without comments and docstrings."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            kept = [
                child
                for child in body
                if not (
                    isinstance(child, ast.Expr)
                    and isinstance(child.value, ast.Constant)
                    and isinstance(child.value.value, str)
                )
            ]
            node.body = kept or [ast.Pass()]  # type: ignore[attr-defined]
    return ast.unparse(tree)


@pytest.mark.parametrize(("what", "words", "where"), ROOM_TEST, ids=[row[0] for row in ROOM_TEST])
def test_a_line_stands_in_its_room(what: str, words: str, where: str) -> None:
    strays = [
        _name(path)
        for path in MODULES
        if re.search(words, _code(path)) and not re.search(where, _name(path).removesuffix(".py"))
    ]
    assert strays == [], f"a line that {what} belongs elsewhere: docs/architecture.md"


def test_the_room_test_catches_what_it_is_for(tmp_path: Path) -> None:
    module = tmp_path / "stray.py"
    module.write_text('"""Says await and open( in words only."""\nimport os\n# await\nx = os.environ["A"]\n')
    found = [what for what, words, _where in ROOM_TEST if re.search(words, _code(module))]
    assert found == ["reads the environment"]


def test_locks_hold_hashes_and_no_addresses() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text()
        assert "://" not in text, lock.name
        pinned = re.findall(r"^[\w.-]+(?:\[[\w,-]+\])?==", text, re.MULTILINE)
        assert len(pinned) > 1, lock.name
        assert text.count("--hash=sha256:") >= len(pinned), lock.name
