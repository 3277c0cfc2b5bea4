"""Bytes in flight: what fits, what does not, and that all of it is given back."""

import pytest

from ingest.in_flight import Held, InFlight
from ingest.publisher import Unavailable


def test_what_fits_is_held_until_the_end() -> None:
    in_flight = InFlight(10)
    with Held(in_flight) as one, Held(in_flight) as other:
        one.take(4)
        other.take(5)
        one.take(1)
        assert (one.bytes, other.bytes, in_flight.bytes) == (5, 5, 10)
    assert (one.bytes, other.bytes, in_flight.bytes) == (0, 0, 0)


def test_what_does_not_fit_is_not_held() -> None:
    in_flight = InFlight(10)
    with Held(in_flight) as held:
        held.take(10)
        with pytest.raises(Unavailable) as error:
            held.take(1)
        assert str(error.value) == "the bodies in flight would be more than 10 bytes"
        assert in_flight.bytes == 10


def test_what_is_held_is_given_back_after_an_error_too() -> None:
    in_flight = InFlight(10)

    def fail() -> None:
        with Held(in_flight) as held:
            held.take(3)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert in_flight.bytes == 0


def test_asking_holds_nothing() -> None:
    in_flight = InFlight(10)
    in_flight.check(10)
    with pytest.raises(Unavailable):
        in_flight.check(11)
    assert in_flight.bytes == 0
