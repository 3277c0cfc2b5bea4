"""At the end of a run, a line for each data file: how many of its cases were run, and on how many we differ.

Then the length of the list of deviations. A plugin of pytest, named by `tests/conftest.py`: of several processes that
run tests, the one that sums up loads no other conftest. Runners say what they ran by
`tests.conformance.reference.tell`.
"""

from collections.abc import Iterable

import pytest

from tests.conformance.deviations import DEVIATIONS
from tests.conformance.reference import TOLD


def summary(reports: Iterable[object]) -> list[str]:
    """Return the lines of a summary of tests' reports."""
    totals: dict[str, list[int]] = {}
    for report in reports:
        if getattr(report, "when", None) != "call":
            continue
        for name, told in getattr(report, "user_properties", ()):
            if name == TOLD:
                data, cases, deviating = told
                total = totals.setdefault(data, [0, 0])
                total[0] += cases
                total[1] += deviating
    if not totals:
        return []
    width = max(map(len, totals))
    return [
        *(
            f"{data:{width}}  {cases:>9,} cases run, {deviating:,} deviate on purpose"
            for data, (cases, deviating) in sorted(totals.items())
        ),
        f"{len(DEVIATIONS)} deviations listed: tests/conformance/deviations.py",
    ]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the summary where there is one."""
    passed = summary(terminalreporter.stats.get("passed", ()))
    if passed:
        terminalreporter.section("conformance with the reference", sep="-")
        for line in passed:
            terminalreporter.write_line(line)
