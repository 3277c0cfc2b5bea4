"""`auditstream resources import`: what kubectl lists becomes known, also what is older than the pipeline.

Called by `auditstream.resources_app` with who takes the records; returns the exit code. What is broken is told and
passed over, and costs nothing but itself.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from auditstream.exit_codes import FINDINGS, OK
from auditstream.object_files import Document, ObjectFile, UnreadableFileError
from auditstream.replay_command import MAX_COMPLAINTS
from auditstream.screen import Screen
from auditstream.terminal import counted
from auditstream.usage import UsageError
from ingest.imported import Untracked, imported
from ingest.listed import Listed, NotJsonError, objects_in
from rules.text import escape
from wire.record import Record

_RECORDS_AT_ONCE: Final = 1_000
_BYTES_AT_ONCE: Final = 4 * 1024 * 1024
_KINDS_TOLD: Final = 20

Batches = Iterable[Sequence[Record]]
Send = Callable[[Batches], None]
"""Makes batches durable, one after the other, before it takes the next; raises NotSentError."""


class NotSentError(Exception):
    """Records could not be sent. The text says why, and the next step."""


def import_files(files: Sequence[ObjectFile], cluster: str, at_ms: int, send: Send, screen: Screen) -> int:
    """Send the objects in some files, as of a time in milliseconds since the epoch, and return the exit code."""
    work = _Import(cluster, at_ms, screen)
    try:
        send(work.batches(files))
    except NotSentError as error:
        work.note(f"{error}; {counted(work.sent, 'object')} had been sent, and do no harm when they are sent again")
        return FINDINGS
    work.tell_result()
    return FINDINGS if work.broken else OK


class _Import:
    """Reads files once, and counts what becomes of the objects in them."""

    def __init__(self, cluster: str, at_ms: int, screen: Screen) -> None:
        self._cluster: Final = cluster
        self._at_ms: Final = at_ms
        self._screen: Final = screen
        self._untracked: Final = Counter[str]()
        self.sent = 0
        """So many objects were in batches after which another one was asked for."""
        self.broken = 0

    def batches(self, files: Sequence[ObjectFile]) -> Iterator[Sequence[Record]]:
        """Yield the records of all objects, some at a time."""
        batch: list[Record] = []
        size = 0
        for record in self._records(files):
            batch.append(record)
            size += len(record.value)
            if len(batch) == _RECORDS_AT_ONCE or size >= _BYTES_AT_ONCE:
                yield batch
                self.sent += len(batch)
                batch, size = [], 0
        if batch:
            yield batch
            self.sent += len(batch)

    def _records(self, files: Sequence[ObjectFile]) -> Iterator[Record]:
        for file in files:
            is_empty = True
            try:
                for document in file.documents():
                    is_empty = False
                    yield from self._records_of(file.name, document)
            except (UnreadableFileError, UsageError) as error:
                self._complain(f"{file.name}: {error}")
                continue
            if is_empty:
                self._complain(f"{file.name}: nothing is in it: give what 'kubectl get -A -o json' prints")

    def _records_of(self, name: str, document: Document) -> Iterator[Record]:
        place = f"{name}, line {document.line}"
        try:
            for listed in objects_in(document.content):
                record = self._record(place, listed)
                if record is not None:
                    yield record
        except NotJsonError as error:
            self._complain(f"{place}: no JSON ({error}): give what 'kubectl get -A -o json' prints")

    def _record(self, place: str, listed: Listed) -> Record | None:
        found = imported(listed, cluster=self._cluster, at_ms=self._at_ms)
        if isinstance(found, Record):
            return found
        if isinstance(found, Untracked):
            self._untracked[found.kind] += 1
        else:
            item = "" if listed.number is None else f", item {listed.number}"
            self._complain(f"{place}{item}: {found.detail}")
        return None

    def _complain(self, text: str) -> None:
        self.broken += 1
        if self.broken <= MAX_COMPLAINTS:
            self.note(text)
        if self.broken == MAX_COMPLAINTS:
            self.note("what else is broken is passed over in silence")

    def tell_result(self) -> None:
        """Tell what became of everything."""
        self.note(f"{counted(self.sent, 'object')} of cluster {self._cluster} imported")
        if self._untracked:
            # Kinds are anybody's to define: no more of them are told than fit.
            most = self._untracked.most_common(_KINDS_TOLD)
            kinds = ", ".join(f"{kind} {count:,}" for kind, count in most)
            rest = ", ..." if len(most) < len(self._untracked) else ""
            total = counted(self._untracked.total(), "object")
            self.note(f"{total} passed over, as nothing is remembered of their kinds: {kinds}{rest}")
        if self.broken:
            self.note(f"{self.broken:,} passed over as broken")

    def note(self, text: str) -> None:
        """Print a line to standard error."""
        self._screen.note([f"auditstream: {escape(text)}"])
