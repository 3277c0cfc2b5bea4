"""`auditstream replay` from the rules to the exit code: what `auditstream.cli` and the demo call.

Puts files, rules, engine and screen together and counts. Asks the time for the summary alone.
"""

from collections.abc import Iterable, Sequence
from time import perf_counter
from typing import Final

from auditstream.bodies import AuditFile
from auditstream.exit_codes import FINDINGS, INTERNAL, OK
from auditstream.replay import Complaint, Step, replay
from auditstream.rule_loading import ready_engine, ready_rules
from auditstream.screen import Screen
from auditstream.settings import Settings
from auditstream.tally import Tally
from rules.text import escape

MAX_COMPLAINTS: Final = 20
"""So many rejected inputs are told one by one; a file of the wrong kind would fill the screen otherwise."""

_BODIES_A_MOVE: Final = 16


def run_replay(files: Sequence[AuditFile], settings: Settings, screen: Screen) -> int:
    """Replay files and return the exit code."""
    ruleset = ready_rules(settings, screen)
    if ruleset is None:
        screen.note(
            ["auditstream: nothing was replayed: correct what is told above, see 'auditstream rules check --help'"]
        )
        return FINDINGS
    if not any(rule.is_enabled for rule in ruleset.rules):
        screen.note(["auditstream: no rule is enabled, so that nothing can alert: see 'auditstream rules list'"])
    engine = ready_engine(ruleset, settings)
    tally = Tally()
    begin = perf_counter()
    try:
        _judge_all(replay(files, engine, settings.cluster), files, tally, screen)
    except KeyboardInterrupt:
        # What was read until then was judged.
        screen.note(tally.summary(ruleset.rules, perf_counter() - begin))
        raise
    if (hidden := tally.rejected.total() - MAX_COMPLAINTS) > 0:
        screen.note([f"and {hidden:,} more rejected, counted below"])
    screen.note(tally.summary(ruleset.rules, perf_counter() - begin))
    if not tally.events and not tally.rejected:
        screen.note(["auditstream: no audit events found: give lines of an API server's audit log, or EventLists"])
    if tally.failures:
        return INTERNAL
    return FINDINGS if tally.rejected else OK


def _judge_all(steps: Iterable[Step], files: Sequence[AuditFile], tally: Tally, screen: Screen) -> None:
    sizes = [file.size for file in files if file.size is not None]
    with screen.progress(sum(sizes) if len(sizes) == len(files) else None):
        for number, step in enumerate(steps):
            told = tally.rejected.total()
            reasons = [complaint.reason for complaint in step.complaints]
            tally.add(step.events, step.alerts, reasons, step.failures)
            screen.alerts(step.alerts)
            screen.note(_rejected(complaint) for complaint in step.complaints[: max(0, MAX_COMPLAINTS - told)])
            if number % _BODIES_A_MOVE == 0:
                screen.advance(sum(file.position for file in files), tally.events)


def _rejected(complaint: Complaint) -> str:
    judged = " (judged all the same)" if complaint.is_judged else ""
    return f"{escape(complaint.file)}:{complaint.line}: {complaint.reason}: {escape(complaint.detail)}{judged}"
