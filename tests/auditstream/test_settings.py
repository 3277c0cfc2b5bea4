"""Settings: the command line over the environment over the defaults; what cannot be used is refused by name."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from auditstream.settings import Settings, read_settings, variables
from auditstream.usage import UsageError
from ingest.settings import IngestSettings
from rules.items import Priority
from rules.ruleset import Matching


def refusal(**given: object) -> str:
    with pytest.raises(UsageError) as error:
        read_settings(given)
    return str(error.value)


def test_defaults_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUDITSTREAM_HOSTNAME")
    assert read_settings({}).model_dump() == {
        "rules": (),
        "no_pack": False,
        "rule_matching": Matching.ALL,
        "disable_rules": (),
        "disable_tags": (),
        "enable_rules": (),
        "enable_tags": (),
        "minimum_priority": Priority.DEBUG,
        "cluster": "default",
        "falco_config": None,
        "hostname": None,
        "time_format_iso_8601": False,
    }


def test_variables_are_read_and_lists_are_split_and_trimmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITSTREAM_RULES", "a,b.yaml:/etc/rules:")
    monkeypatch.setenv("AUDITSTREAM_NO_PACK", "true")
    monkeypatch.setenv("AUDITSTREAM_RULE_MATCHING", "first")
    monkeypatch.setenv("AUDITSTREAM_ENABLE_RULES", "Pod created, Node gone,")
    monkeypatch.setenv("AUDITSTREAM_ENABLE_TAGS", "c")
    monkeypatch.setenv("AUDITSTREAM_DISABLE_RULES", "*")
    monkeypatch.setenv("AUDITSTREAM_DISABLE_TAGS", "a,b")
    monkeypatch.setenv("AUDITSTREAM_MINIMUM_PRIORITY", "INFO")
    monkeypatch.setenv("AUDITSTREAM_CLUSTER", "prod-1.eu")
    monkeypatch.setenv("AUDITSTREAM_FALCO_CONFIG", "/etc/falco/falco.yaml")
    monkeypatch.setenv("AUDITSTREAM_TIME_FORMAT_ISO_8601", "true")
    assert read_settings({}).model_dump() == {
        "rules": (Path("a,b.yaml"), Path("/etc/rules")),
        "no_pack": True,
        "rule_matching": Matching.FIRST,
        "disable_rules": ("*",),
        "disable_tags": ("a", "b"),
        "enable_rules": ("Pod created", "Node gone"),
        "enable_tags": ("c",),
        "minimum_priority": Priority.INFORMATIONAL,
        "cluster": "prod-1.eu",
        "falco_config": Path("/etc/falco/falco.yaml"),
        "hostname": "node-1",
        "time_format_iso_8601": True,
    }


def test_files_may_take_from_all_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGE", "prod")
    assert variables()["STAGE"] == "prod"


def test_the_command_line_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITSTREAM_RULES", "a.yaml")
    monkeypatch.setenv("AUDITSTREAM_NO_PACK", "true")
    monkeypatch.setenv("AUDITSTREAM_ENABLE_RULES", "A")
    given = {"rules": [Path("b.yaml")], "no_pack": False, "enable_rules": ["B, with a comma"], "cluster": None}
    settings = read_settings(given)
    assert settings.rules == (Path("b.yaml"),)
    assert settings.no_pack is False
    assert settings.enable_rules == ("B, with a comma",)
    assert settings.cluster == "default"


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITSTREAM_CLUSTER", "")
    assert read_settings({}).cluster == "default"


def test_a_priority_that_there_is_not_is_refused_by_name() -> None:
    assert refusal(minimum_priority="warn") == (
        "--minimum-priority=warn: must be one of Emergency, Alert, Critical, Error, Warning, Notice, Informational, "
        "Debug"
    )
    assert read_settings({"minimum_priority": Priority.ERROR}).minimum_priority is Priority.ERROR


def test_an_unknown_variable_is_refused_with_the_nearest_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITSTREAM_RULE", "a.yaml")
    assert refusal() == "unknown variable AUDITSTREAM_RULE: did you mean 'AUDITSTREAM_RULES'?"


def test_variables_of_other_settings_are_known_by_their_own_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITSTREAM_INGEST_MAX_BODY_BYTES", "1000")
    assert read_settings({}).cluster == "default"
    assert read_settings({}, IngestSettings).max_body_bytes == 1000


@pytest.mark.parametrize("name", ["AUDITSTREAM_INGEST_MAX_BODY", "AUDITSTREAM_MAX_BODY_BYTES"])
def test_a_misspelt_variable_of_other_settings_is_refused_too(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "1000")
    assert refusal() == f"unknown variable {name}: did you mean 'AUDITSTREAM_INGEST_MAX_BODY_BYTES'?"


def test_a_field_of_one_class_is_no_variable_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITSTREAM_INGEST_CLUSTER", "prod")
    assert refusal().startswith("unknown variable AUDITSTREAM_INGEST_CLUSTER: ")


def test_what_was_given_is_named_as_it_was_given_whatever_the_class() -> None:
    with pytest.raises(UsageError) as error:
        read_settings({"max_body_bytes": 0}, IngestSettings)
    assert str(error.value) == "--max-body-bytes=0: input should be greater than 0"


def test_an_unknown_variable_that_is_like_no_other_is_refused_with_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITSTREAM_X", "1")
    assert refusal() == (
        "unknown variable AUDITSTREAM_X: known are AUDITSTREAM_ALLOW_UNAUTHENTICATED, AUDITSTREAM_CLUSTER, "
        "AUDITSTREAM_DEAD_LETTER, AUDITSTREAM_DISABLE_RULES, AUDITSTREAM_DISABLE_TAGS, AUDITSTREAM_ENABLE_RULES, "
        "AUDITSTREAM_ENABLE_TAGS, AUDITSTREAM_FALCO_CONFIG, AUDITSTREAM_HOSTNAME, AUDITSTREAM_INGEST_MAX_BODY_BYTES, "
        "AUDITSTREAM_INGEST_MAX_IN_FLIGHT_BYTES, AUDITSTREAM_INGEST_MAX_PENDING_BYTES, "
        "AUDITSTREAM_INGEST_PUBLISH_TIMEOUT_SECONDS, "
        "AUDITSTREAM_INGEST_READ_TIMEOUT_SECONDS, AUDITSTREAM_INGEST_RETRY_AFTER_SECONDS, "
        "AUDITSTREAM_KAFKA_BOOTSTRAP, AUDITSTREAM_KAFKA_PARTITIONS, AUDITSTREAM_KAFKA_REPLICATION, "
        "AUDITSTREAM_KAFKA_TOPIC_PREFIX, AUDITSTREAM_LISTEN_HOST, AUDITSTREAM_LISTEN_PORT, "
        "AUDITSTREAM_MAX_PENDING_EVENTS, AUDITSTREAM_MINIMUM_PRIORITY, AUDITSTREAM_NO_PACK, "
        "AUDITSTREAM_PROCESSOR_CHECKPOINT_RECORDS, "
        "AUDITSTREAM_PROCESSOR_CHECKPOINT_SECONDS, AUDITSTREAM_PROCESSOR_HEARTBEAT_SECONDS, "
        "AUDITSTREAM_PROCESSOR_LISTEN_HOST, AUDITSTREAM_PROCESSOR_LISTEN_PORT, "
        "AUDITSTREAM_PROCESSOR_SESSION_TIMEOUT_SECONDS, AUDITSTREAM_PUBLISHED_HOST, AUDITSTREAM_RULES, "
        "AUDITSTREAM_RULE_MATCHING, AUDITSTREAM_STATE, AUDITSTREAM_TIME_FORMAT_ISO_8601, AUDITSTREAM_TLS_CERTIFICATE, "
        "AUDITSTREAM_TLS_KEY, AUDITSTREAM_TOKENS"
    )


@pytest.mark.parametrize(
    "name",
    [
        "AUDITSTREAM_SERVICE_HOST",
        "AUDITSTREAM_SERVICE_PORT",
        "AUDITSTREAM_INGEST_SERVICE_PORT_HTTP",
        "AUDITSTREAM_PORT",
        "AUDITSTREAM_INGEST_PORT_8080_TCP",
        "AUDITSTREAM_INGEST_PORT_8080_TCP_ADDR",
    ],
)
def test_variables_that_kubernetes_makes_of_our_services_are_passed_over(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "tcp://10.0.0.1:8080")
    assert read_settings({}).cluster == "default"


@pytest.mark.parametrize("cluster", ["", "Prod", "-a", "a b", "a" * 64, "a\n", "../x"])
def test_a_cluster_name_outside_the_pattern_is_refused(cluster: str) -> None:
    expected = f"--cluster={cluster}: string should match pattern '^[a-z0-9][a-z0-9.-]{{0,62}}$'"
    assert refusal(cluster=cluster) == expected


def test_a_bad_variable_is_named_as_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITSTREAM_RULE_MATCHING", "some")
    assert refusal() == "AUDITSTREAM_RULE_MATCHING=some: input should be 'all' or 'first'"


def test_settings_are_frozen() -> None:
    settings = read_settings({})
    with pytest.raises(ValidationError):
        settings.cluster = "other"  # type: ignore[misc]


def test_every_setting_has_a_docstring_below_it() -> None:
    source = Path(__file__).parents[2] / "auditstream" / "settings.py"
    body = source.read_text().split("class ClusterSettings", 1)[1].split("\n_CLASSES", 1)[0]
    for name in Settings.model_fields:
        declaration = body.split(f"\n    {name}: ", 1)[1]
        assert declaration.split("\n", 1)[1].startswith('    """'), name
