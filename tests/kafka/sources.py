"""From the sources in their order to a broker: the first that works, and why those before it do not.

A source is asked on a thread of its own, so that the time it may take is kept whatever it hangs in.
"""

import os
import threading
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar, cast

from tests.kafka.broker import Broker, Deadline, OwnBroker, Source, Unavailable
from tests.kafka.container import Docker
from tests.kafka.environment import Environment
from tests.kafka.jars import Jars

START_SECONDS: Final = 60.0
"""What a source may take to give a broker that answers."""

FETCH_SECONDS: Final = 300.0
"""What the download of an image or of jars may take, once a machine, besides."""

_TIDY_SECONDS: Final = 5.0

_T = TypeVar("_T")


class NoKafka(Exception):  # noqa: N818 - on a machine without Kafka this is no error
    """No source gave a broker; the text has each one's reason."""


class _Attempt(threading.Thread, Generic[_T]):
    """A step of a source. What it gives after nobody waits any more is ended at once."""

    def __init__(self, step: Callable[[Deadline], _T], deadline: Deadline, discard: Callable[[_T], object]) -> None:
        super().__init__(daemon=True)
        self._step = step
        self._deadline = deadline
        self._discard = discard
        self._lock = threading.Lock()
        self._outcome: _T | Exception | None = None
        self._done = False
        self._abandoned = False

    def run(self) -> None:
        outcome: _T | Exception
        try:
            outcome = self._step(self._deadline)
        except Exception as error:  # noqa: BLE001 - whatever a source fails with, the next one is asked
            outcome = error
        with self._lock:
            self._outcome = outcome
            self._done = True
        if self._abandoned and not isinstance(outcome, Exception):
            self._discard(outcome)

    def result(self) -> _T:
        """Return what the step gives, or raise what it raises, or `Unavailable` when its time is over."""
        try:
            self.start()
            self.join(self._deadline.left())
        finally:
            with self._lock:
                self._abandoned = not self._done
            if self._abandoned:
                self._deadline.give_up()
                self.join(_TIDY_SECONDS)  # what looks at its deadline tidies up, and says more
        if isinstance(self._outcome, Exception):
            raise self._outcome
        if self._abandoned:
            self._deadline.check()
        return cast("_T", self._outcome)


def _nothing(_outcome: object) -> None:
    """Discard what needs no end."""


class Supply:
    """Brokers for one run of the tests: a source that failed is not asked again."""

    def __init__(self, sources: Sequence[Source], seconds: float = START_SECONDS) -> None:
        self._sources = tuple(sources)
        self._seconds = seconds
        self.failed: dict[str, str] = {}
        """The sources that gave way, and why."""
        self.gave: dict[str, int] = {}
        """The sources that gave brokers, and how many."""

    def obtain(self) -> Broker:
        """Return a broker of the first source that has one; raise `NoKafka` when none has."""
        return self._first(self._sources)

    def obtain_own(self) -> OwnBroker:
        """Return a broker that may be stopped; raise `NoKafka` when there is none."""
        return cast("OwnBroker", self._first([source for source in self._sources if source.own]))

    def told(self) -> str:
        """Say why the sources that gave way did."""
        return "\n".join(f"{name}: {reason}" for name, reason in self.failed.items())

    def _first(self, sources: Sequence[Source]) -> Broker:
        for source in sources:
            if source.name in self.failed:
                continue
            try:
                broker = self._ask(source)
            except Exception as error:
                if source.name in self.gave:  # it is no longer a question of what this machine has
                    raise
                self.failed[source.name] = str(error) if isinstance(error, Unavailable) else repr(error)
            else:
                self.gave[source.name] = self.gave.get(source.name, 0) + 1
                return broker
        raise NoKafka(self.told())

    def _ask(self, source: Source) -> Broker:
        deadline = Deadline(self._seconds)
        _Attempt(source.check, deadline, _nothing).result()
        left = deadline.left()
        _Attempt(source.fetch, Deadline(FETCH_SECONDS), _nothing).result()
        return _Attempt(source.start, Deadline(left), lambda late: late.end()).result()


def all_sources() -> tuple[Source, ...]:
    """Return every source, in the order in which they are asked."""
    return Environment(os.environ.get("KAFKA_BOOTSTRAP")), Docker(), Jars()
