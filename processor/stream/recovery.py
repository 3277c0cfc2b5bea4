"""Faust's recovery, kept from ending without a word. Called once, by `processor.stream.app`."""

from collections.abc import Awaitable
from typing import Any

import faust
from faust.tables.recovery import ServiceStopped

from processor.stream.leave import leave


def watch_recovery(app: faust.App) -> None:
    """See to it that a recovery that Kafka does not answer ends the worker.

    Faust takes a time-out for its own end: its task is over then, without a trace, and no partition that comes to this
    worker is ever judged. A freeze of the process is enough.
    """
    tables: Any = app.tables  # Faust's types do not know that its manager of tables has one
    recovery = tables.recovery
    wait = recovery._wait  # noqa: SLF001 - held to be there by a test

    async def wait_or_leave(what: Awaitable[object], timeout: float | None = None) -> None:  # noqa: ASYNC109 - Faust's signature
        try:
            await wait(what, timeout)
        except ServiceStopped:
            if not recovery.should_stop:
                leave(f"Kafka did not answer within {timeout} seconds as the state was read")
            raise

    recovery._wait = wait_or_leave  # noqa: SLF001 - the same
