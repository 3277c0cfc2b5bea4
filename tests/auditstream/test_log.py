"""What libraries log: one line each, without what a client sent."""

import asyncio
import logging
import re

import mode
import pytest

from auditstream.log import logged
from auditstream.screen import Screen

_log = logging.getLogger("some.library")


def test_an_error_is_one_line_and_less_is_none(capfd: pytest.CaptureFixture[str]) -> None:
    with logged(Screen()):
        _log.error("cannot go on:\n%s", "\x1b[2J")
        _log.warning("a request that is none")
    _log.error("after it")
    assert capfd.readouterr().err == "auditstream: cannot go on:\\n\\x1b[2J\n"


class Service(mode.Service):
    """As Faust's are, of which the processor's classes are made."""

    logger = logging.getLogger("processor.stream.delivery")
    mundane_level = "warning"


def test_what_the_processor_warns_of_is_shown_too(capfd: pytest.CaptureFixture[str]) -> None:
    with logged(Screen()):
        logging.getLogger("processor.stream.opening").warning("3 events were deleted")
        logging.getLogger("processor.stream.opening").info("a partition is opened")
        logging.getLogger("processors").warning("somebody else's")
        asyncio.run(Service().stop())
    assert capfd.readouterr().err == "auditstream: 3 events were deleted\n"


def test_a_traceback_is_a_type_and_a_place(capfd: pytest.CaptureFixture[str]) -> None:
    with logged(Screen()):
        try:
            int("what a client sent")
        except ValueError:
            _log.exception("it failed\nhere")
        _log.error("it failed", exc_info=KeyError("never raised"))
    lines = capfd.readouterr().err.splitlines()
    assert re.fullmatch(r"auditstream: it failed: ValueError at \S+test_log.py:\d+", lines[0])
    assert lines[1:] == ["auditstream: it failed: KeyError"]
