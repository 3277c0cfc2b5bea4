"""Waiting for what nobody tells: of another process, of a broker, of a library that has no event for it."""

import asyncio
import time
from collections.abc import Callable


def until(holds: Callable[[], object], what: str = "what is waited for", *, seconds: float) -> None:
    """Return as soon as something holds; fail when it does not in time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.05)


async def eventually(holds: Callable[[], object], *, seconds: float) -> None:
    """Do the same while the loop goes on."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - what is asked has no event
            await asyncio.sleep(0.02)
