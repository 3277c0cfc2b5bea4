"""The processor's settings: defaults that run, and limits that Faust would only find at the start."""

import pytest
from pydantic import ValidationError

from processor.settings import ProcessorSettings


def test_the_defaults_leave_room_for_lost_heartbeats() -> None:
    settings = ProcessorSettings()
    assert settings.heartbeat_seconds * 3 < settings.session_timeout_seconds


def test_faust_wants_requests_to_outlast_the_session_and_goes_on_after_one() -> None:
    for seconds in (1.0, 30.0, 300.0):
        settings = ProcessorSettings(session_timeout_seconds=seconds, heartbeat_seconds=0.3)
        assert seconds < settings.opening_seconds < settings.request_timeout_seconds


def test_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITSTREAM_PROCESSOR_CHECKPOINT_SECONDS", "1.5")
    assert ProcessorSettings().checkpoint_seconds == 1.5


def test_a_heartbeat_as_long_as_the_session_is_refused() -> None:
    with pytest.raises(ValidationError, match="at most a third of session_timeout_seconds=6"):
        ProcessorSettings(session_timeout_seconds=6, heartbeat_seconds=6)
