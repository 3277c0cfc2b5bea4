"""`auditstream serve` from the settings to the exit code: what `auditstream.cli` and the demo call.

Puts rules, engine, webhook, topic, screen and dead letter together, tells where it listens, and counts.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT
from typing import Final

from prometheus_client import CollectorRegistry

from auditstream.access import Access
from auditstream.dead_letter import DeadLetterFile
from auditstream.embedded_state import EmbeddedState, StateUnavailable
from auditstream.exit_codes import FINDINGS, INTERRUPTED, OK
from auditstream.local_topic import LocalTopic
from auditstream.log import logged
from auditstream.replay_command import MAX_COMPLAINTS
from auditstream.rule_loading import ready_engine, ready_rules, waiting
from auditstream.screen import Screen
from auditstream.serve import Service, TryAgain, serve
from auditstream.server import Front, Stop, listen
from auditstream.settings import ServeSettings
from auditstream.state_directory import opened_state
from auditstream.tally import Tally
from auditstream.terminal import counted
from auditstream.usage import UsageError
from ingest.app import create_app
from ingest.settings import IngestSettings
from ingest.split import Split
from processor.history import UnknownSchemaError
from processor.metrics import ProcessorMetrics
from processor.state import MemoryState, State
from rules.ruleset import Ruleset
from rules.text import escape
from wire.record import Rejected

OnListening = Callable[[str, Stop], None]
"""Called with the address of the webhook when posts are taken, and with what ends the service."""


def run_serve(
    settings: ServeSettings, ingest: IngestSettings, screen: Screen, on_listening: OnListening | None = None
) -> int:
    """Serve until SIGTERM or Ctrl-C and return the exit code."""
    ruleset = ready_rules(settings, screen)
    if ruleset is None:
        screen.note(
            ["auditstream: nothing is served: correct what is told above, see 'auditstream rules check --help'"]
        )
        return FINDINGS
    access = Access(settings, screen)
    registry = CollectorRegistry()
    topic = LocalTopic(max_events=settings.max_pending_events, timeout_seconds=ingest.publish_timeout_seconds)
    with ExitStack() as held:
        judge = _Judge(settings, ruleset, held.enter_context(_memory(settings.state)), registry, screen)
        listener = held.enter_context(listen(settings.listen_host, settings.listen_port))
        warnings = access.refuse_strangers(listener.getsockname()[0])
        front = Front(listener, access, create_app(ingest, topic, registry, access.callers))

        def tell(stop: Stop) -> None:
            screen.note(greeting(front.address, ruleset, settings) + warnings)
            if on_listening is not None:
                on_listening(front.address, stop)

        with logged(screen):
            ended_by = serve(Service(front, topic, judge, tell))
    screen.note(judge.tally.summary(ruleset.rules, None))
    return INTERRUPTED if ended_by is SIGINT else OK


@dataclass(frozen=True, slots=True)
class _Memory:
    """What is known of resources."""

    state: State
    batch: Callable[[], AbstractContextManager[None]]
    """What is around a batch: at its end the state is durable, after an error in it as it was before."""


@contextmanager
def _memory(directory: Path | None) -> Iterator[_Memory]:
    """Have the state of a folder, or one in memory, while it lasts. Raises UsageError where it cannot be used."""
    if directory is None:
        # What a batch that failed left behind is what it leaves when it comes again.
        yield _Memory(MemoryState(), nullcontext)
        return
    with opened_state(directory) as state:
        try:
            yield _Memory(state, lambda: _committed(state))
        except UnknownSchemaError as error:
            raise UsageError(f"{state.path}: {error}") from None


@contextmanager
def _committed(state: EmbeddedState) -> Iterator[None]:
    """Commit at the end, roll back after an error."""
    try:
        yield
        state.commit()
    except BaseException:
        state.rollback()
        raise


class _Judge:
    """Judges batches and writes what comes of them; in one thread at a time."""

    def __init__(
        self, settings: ServeSettings, ruleset: Ruleset, memory: _Memory, registry: CollectorRegistry, screen: Screen
    ) -> None:
        self.tally: Final = Tally()
        self._engine: Final = ready_engine(ruleset, settings)
        self._metrics: Final = ProcessorMetrics(registry, ruleset.rules)
        self._screen: Final = screen
        self._memory: Final = memory
        try:
            self._dead_letter: Final = DeadLetterFile(settings.dead_letter)
        except OSError as error:
            raise UsageError(
                f"cannot write {settings.dead_letter}: {error.strerror}; name another file for rejected events with "
                "--dead-letter"
            ) from None

    def __call__(self, batch: Split) -> None:
        """Write the rejects of a batch to the dead letter, its alerts to standard output, and what is known since.

        Raises TryAgain if the dead letter or the state cannot be written. That standard output cannot is for the caller
        to know: nobody else would notice.
        """
        try:
            with self._memory.batch():
                outcome = self._engine.process(batch.records, self._memory.state)
                rejected = (*batch.rejected, *outcome.rejected)
                self._bury(rejected)
                # Before the state is durable: what ends the process in between has the batch come again and give the
                # same alerts, where the other way round they could be missed.
                self._screen.alerts(outcome.alerts)
        except StateUnavailable as error:
            raise self._again(str(error), "bodies that change it are answered 503 until it can") from None
        self._tell(rejected)
        judged = len(batch.records) - len(outcome.rejected)
        self.tally.add(judged, outcome.alerts, (reject.reason.value for reject in rejected), outcome.failures)
        self._metrics.judged(len(batch.records), outcome)

    def _bury(self, rejected: tuple[Rejected, ...]) -> None:
        try:
            self._dead_letter.append(rejected)
        except OSError as error:
            told = f"the dead letter cannot be written: {error.strerror}"
            raise self._again(told, "bodies with rejected events are answered 503 until it can") from None

    def _again(self, told: str, consequence: str) -> TryAgain:
        self._screen.note([f"auditstream: {escape(told)}; {consequence}"])
        return TryAgain(told)

    def _tell(self, rejected: tuple[Rejected, ...]) -> None:
        """Say the first rejects one by one; the others are in the dead letter, and counted."""
        told = self.tally.rejected.total()
        self._screen.note(_told(reject) for reject in rejected[: max(0, MAX_COMPLAINTS - told)])
        if told < MAX_COMPLAINTS <= told + len(rejected):
            self._screen.note([f"further rejects are in {escape(str(self._dead_letter.path))} only"])


def _told(reject: Rejected) -> str:
    judged = " (judged all the same)" if reject.is_judged else ""
    return f"rejected: {escape(reject.cluster)}: {reject.reason}: {escape(reject.detail)}{judged}"


def greeting(address: str, ruleset: Ruleset, settings: ServeSettings) -> list[str]:
    """Return what a person wants to know at the start."""
    enabled = sum(rule.is_enabled for rule in ruleset.rules)
    lines = [
        f"auditstream: listening on {address}, webhook {address}/k8s_audit; {counted(enabled, 'rule')}",
        f"auditstream: rejected events go to {escape(str(settings.dead_letter))}",
        "auditstream: what is known of resources is kept in memory, and forgotten when this ends"
        if settings.state is None
        else f"auditstream: what is known of resources is kept in {escape(str(settings.state))}",
        *waiting(ruleset),
    ]
    if not enabled:
        lines.append("auditstream: no rule is enabled, so that nothing can alert: see 'auditstream rules list'")
    return lines
