"""Each import contract of `pyproject.toml` is broken once on purpose, in a copy of the tree, to see it caught."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("auditstream", "ingest", "processor", "rules", "wire")

ONE_WAY = "Imports point one way"
PHASES = "Within rules the phases point one way"
PURE = "The middle is pure"
FAUST = "Faust is imported by processor.stream alone"
AIOKAFKA = "aiokafka is imported by"
NO_KAFKA = "serve and replay run without Kafka"


def _lint(root: Path) -> list[str]:
    """Return the names of the contracts that a tree breaks."""
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)  # noqa: S603 - our own linter
    assert "Contracts:" in done.stdout, done.stdout + done.stderr
    kept, broken = done.stdout.split("Contracts:", 1)[1].split(" kept, ", 1)
    assert kept.strip().isdigit()
    names = done.stdout.split("Contracts:", 1)[1]
    found = [name for name in (ONE_WAY, PHASES, PURE, FAUST, AIOKAFKA, NO_KAFKA) if f"\n{name}" in names]
    assert len(found) == int(broken.split(" ", 1)[0]), done.stdout
    return found


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for room in ROOMS:
        shutil.copytree(
            ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__", "library", "samples")
        )
    return tmp_path


def test_the_tree_as_it_is_breaks_no_contract(tree: Path) -> None:
    assert _lint(tree) == []


@pytest.mark.parametrize(
    ("module", "line", "contracts"),
    [
        ("ingest/split.py", "import processor.decode", [ONE_WAY]),
        ("wire/record.py", "import rules.text", [ONE_WAY]),
        ("processor/engine.py", "import auditstream", [ONE_WAY]),
        ("rules/document.py", "import rules.parser", [PHASES]),
        ("rules/new.py", '"""A file without a place."""', [PHASES]),
        ("processor/engine.py", "import time", [PURE]),
        ("processor/listing.py", "import time", [PURE]),
        ("ingest/imported.py", "import os", [PURE]),
        ("rules/text.py", "import os", [PURE]),
        ("ingest/redact.py", "import logging", [PURE]),
        ("ingest/unpack.py", "import asyncio", [PURE]),
        ("processor/stream/changelog.py", "import asyncio", [PURE]),
        ("processor/rule_files.py", "import faust", [FAUST, NO_KAFKA]),
        ("auditstream/tally.py", "import aiokafka", [AIOKAFKA, NO_KAFKA]),
        ("auditstream/replay.py", "import faust", [FAUST, NO_KAFKA]),
        ("auditstream/serve.py", "import auditstream.ingest_command", [NO_KAFKA]),
        ("auditstream/server.py", "import ingest.kafka", [NO_KAFKA]),
        ("ingest/kafka.py", "import aiokafka", [AIOKAFKA]),
        ("auditstream/cli.py", "import processor.stream.app", [NO_KAFKA]),
    ],
)
def test_a_broken_contract_is_caught(tree: Path, module: str, line: str, contracts: list[str]) -> None:
    stream = tree / "processor" / "stream"
    (stream / "app.py").write_text("import faust\nimport aiokafka\n")  # allowed there
    with (tree / module).open("a") as file:
        file.write(f"\n{line}\n")
    assert _lint(tree) == contracts
