"""What rules cost: an event by either evaluator, and the load of a file of ten thousand rules.

`python -m benchmarks.rules` runs it. The events are the recorded ones of the samples, decoded anew for each pass; what
decoding alone takes is told apart. CPU is user and system time; memory is the peak of a process that does nothing else.
"""

import argparse
import os
import resource
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.machine import heading
from processor.decode import decode
from processor.rule_files import load_rules
from rules.event import Event
from rules.interpreter import evaluate
from rules.loader import load
from rules.reader import RuleFile
from rules.ruleset import Ruleset
from rules.selection import Selection
from tests.e2e.recorded import BODIES, records_of
from wire.record import Record

PASSES: Final = 10
RULES: Final = 10_000


class Load(NamedTuple):
    """What a load took."""

    file_bytes: int
    cpu_seconds: float
    peak_bytes: int


def main() -> None:
    """Measure, print the page, and keep it where asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--result", type=Path, help="where the page is kept")
    page = report()
    print(page)
    result = parser.parse_args().result
    if result is not None:
        result.write_text(page + "\n")


def report() -> str:
    """Return the page."""
    at_start = os.getloadavg()[0]
    loaded = load_rules([], with_pack=True, selection=Selection())
    assert loaded.ruleset is not None
    ruleset = loaded.ruleset
    records = records_of(BODIES, "bench")
    decoding = _micros(records, lambda _event: None)
    by_interpreter = _micros(records, lambda event: _interpret(ruleset, event)) - decoding
    by_code = _micros(records, ruleset.match) - decoding
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        big = process.submit(load_many).result()
    lines = [
        "# What rules cost",
        "",
        *heading(at_start),
        f"- {len(records):,} recorded events, {PASSES} passes; {len(ruleset.rules)} rules that ship",
        "",
        "| what | CPU us/event | times generated code |",
        "| --- | --- | --- |",
        f"| decode | {decoding:.1f} | |",
        f"| every rule, by the interpreter | {by_interpreter:.1f} | {by_interpreter / by_code:.1f} |",
        f"| generated code, where the index asks it | {by_code:.1f} | 1.0 |",
    ]
    file = (
        f"A file of {RULES:,} rules, 200 macros and 50 lists ({big.file_bytes / 1e6:.1f} MB) loads, its code included,"
    )
    took = f"in {big.cpu_seconds:.1f} s of CPU; the process grows to {big.peak_bytes / 2**20:.0f} MB."
    return "\n".join([*lines, "", file, took])


def _interpret(ruleset: Ruleset, event: Event) -> None:
    for rule in ruleset.rules:
        if rule.is_enabled:
            evaluate(rule.condition, event)


def _micros(records: Sequence[Record], judge: Callable[[Event], object]) -> float:
    """Return the CPU microseconds an event of the best pass: what else runs on the machine only adds."""
    best = float("inf")
    for _ in range(PASSES):
        begin = time.process_time()
        for record in records:
            event = decode(record, "bench")
            assert isinstance(event, Event)
            judge(event)
        best = min(best, time.process_time() - begin)
    return best / len(records) * 1e6


def load_many() -> Load:
    """Load a file of many rules; to be called in a process of its own."""
    content = many_rules().encode()
    begin = time.process_time()
    result = load([RuleFile("many.yaml", content)], Selection())
    seconds = time.process_time() - begin
    assert result.ruleset is not None
    return Load(len(content), seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def many_rules() -> str:
    """Return a rule file as a large user may have it."""
    lists = [
        f"- list: names_{number}\n  items: [{', '.join(f'n{number}_{item}' for item in range(20))}]\n"
        for number in range(50)
    ]
    macros = [
        f"- macro: writes_{number}\n"
        f"  condition: ka.verb in (create, update, patch) and not ka.user.name in (names_{number % 50})\n"
        for number in range(200)
    ]
    rules = [
        f"- rule: Rule number {number}\n  desc: What rule {number} finds.\n  condition: >\n"
        f"    writes_{number % 200} and ka.target.resource = r{number % 97} and ka.response.code in (200, 201)\n"
        f"    and (ka.target.name contains n{number} or ka.user.groups intersects (names_{number % 50}, g{number}))\n"
        f"  output: Found {number} (user=%ka.user.name verb=%ka.verb target=%ka.target.name)\n"
        "  priority: WARNING\n  source: k8s_audit\n"
        for number in range(RULES)
    ]
    return "".join([*lists, *macros, *rules])


if __name__ == "__main__":
    main()
