"""The webhook's settings: their defaults, and what is refused, by the name of its variable."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from auditstream.settings import read_settings
from auditstream.usage import UsageError
from ingest.settings import IngestSettings


def refusal() -> str:
    with pytest.raises(UsageError) as error:
        read_settings({}, IngestSettings)
    return str(error.value)


def test_defaults_run() -> None:
    assert read_settings({}, IngestSettings).model_dump() == {
        "max_body_bytes": 67_108_864,
        "max_in_flight_bytes": 134_217_728,
        "read_timeout_seconds": 30.0,
        "publish_timeout_seconds": 10.0,
        "max_pending_bytes": 67_108_864,
        "retry_after_seconds": 2,
    }


def test_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITSTREAM_INGEST_MAX_BODY_BYTES", "1000")
    monkeypatch.setenv("AUDITSTREAM_INGEST_MAX_IN_FLIGHT_BYTES", "1000")
    monkeypatch.setenv("AUDITSTREAM_INGEST_READ_TIMEOUT_SECONDS", "0.5")
    monkeypatch.setenv("AUDITSTREAM_INGEST_RETRY_AFTER_SECONDS", "")
    assert read_settings({}, IngestSettings).model_dump() == {
        "max_body_bytes": 1000,
        "max_in_flight_bytes": 1000,
        "read_timeout_seconds": 0.5,
        "publish_timeout_seconds": 10.0,
        "max_pending_bytes": 67_108_864,
        "retry_after_seconds": 2,
    }


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("MAX_BODY_BYTES", "0", "input should be greater than 0"),
        ("MAX_BODY_BYTES", "-1", "input should be greater than 0"),
        ("MAX_BODY_BYTES", "64MiB", "input should be a valid integer, unable to parse string as an integer"),
        ("MAX_IN_FLIGHT_BYTES", "0", "input should be greater than 0"),
        ("READ_TIMEOUT_SECONDS", "0", "input should be greater than 0"),
        ("READ_TIMEOUT_SECONDS", "inf", "input should be a finite number"),
        ("READ_TIMEOUT_SECONDS", "nan", "input should be a finite number"),
        ("PUBLISH_TIMEOUT_SECONDS", "0", "input should be greater than 0"),
        ("MAX_PENDING_BYTES", "0", "input should be greater than 0"),
        ("RETRY_AFTER_SECONDS", "0", "input should be greater than 0"),
        ("RETRY_AFTER_SECONDS", "0.5", "input should be a valid integer, unable to parse string as an integer"),
    ],
)
def test_what_bounds_nothing_is_refused(name: str, value: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variable = f"AUDITSTREAM_INGEST_{name}"
    monkeypatch.setenv(variable, value)
    assert refusal() == f"{variable}={value}: {reason}"


def test_a_body_must_fit_into_what_may_be_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITSTREAM_INGEST_MAX_BODY_BYTES", "200000000")
    assert refusal() == (
        "AUDITSTREAM_INGEST_MAX_IN_FLIGHT_BYTES=134217728: must be at least the largest body, max_body_bytes=200000000"
    )


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        IngestSettings().max_body_bytes = 1  # type: ignore[misc]


def test_every_setting_has_a_docstring_below_it() -> None:
    source = (Path(__file__).parents[2] / "ingest" / "settings.py").read_text()
    for name in IngestSettings.model_fields:
        declaration = source.split(f"\n    {name}: ", 1)[1]
        assert declaration.split("\n", 1)[1].startswith('    """'), name
