"""The webhook's server: where it listens, what is said of that, and how it is ended."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI

from auditstream.access import Access
from auditstream.screen import Screen
from auditstream.server import Front, Stop, address_of, listen, run_server
from auditstream.settings import ListenSettings
from auditstream.usage import UsageError


def test_to_ask_for_the_end_twice_or_too_late_is_no_trouble() -> None:
    stops: list[Stop] = []
    went: list[str] = []

    @asynccontextmanager
    async def behind(stop: Stop) -> AsyncIterator[None]:
        stops.append(stop)
        went.append("begun")
        yield
        went.append("ended")

    def end(stop: Stop) -> None:
        went.append("listening")
        stop.ask()
        stop.ask()

    with listen("127.0.0.1", 0) as listener:
        assert run_server(Front(listener, Access(ListenSettings(), Screen()), FastAPI()), behind, end) is None
    stops[0].ask()
    assert stops[0].signal is None
    assert went == ["begun", "listening", "ended"]


def test_what_asks_for_the_end_before_it_began_is_heard_by_nobody() -> None:
    Stop().ask()


def test_an_address_is_a_url() -> None:
    with listen("127.0.0.1", 0) as listener:
        assert address_of(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert address_of(listener, "https") == f"https://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
def test_an_address_of_ipv6_stands_in_brackets() -> None:
    try:
        listener = listen("::1", 0)
    except UsageError:
        pytest.skip("no loopback of IPv6")
    with listener:
        assert address_of(listener) == f"http://[::1]:{listener.getsockname()[1]}"


def test_a_port_that_is_in_use_is_told_with_the_next_step() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(UsageError) as error:
            listen("127.0.0.1", port)
    assert str(error.value) == (
        f"cannot listen on port {port} of 127.0.0.1: it is in use; give another with --port, or 0 for any that is free"
    )
