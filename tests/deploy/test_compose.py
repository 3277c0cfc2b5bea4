"""`docker-compose.yml` and `.env.example` as they are written, without Docker: what is open, who is told what.

Each check is a function that returns problems, so that it can be shown to find one.
"""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from pydantic_settings import BaseSettings

from auditstream.demo import PATH
from auditstream.settings import ListenSettings, Settings
from ingest.settings import IngestSettings
from processor.rule_files import load_rules
from processor.settings import ProcessorSettings
from rules.selection import Selection, fits
from wire.kafka_settings import KafkaSettings

ROOT: Final = Path(__file__).parents[2]
COMPOSE: Final = (ROOT / "docker-compose.yml").read_text()
EXAMPLE: Final = (ROOT / ".env.example").read_text()

# Which settings each service's command reads. `ingest` is also where `alerts` runs, which reads Kafka's alone.
READS: Final[dict[str, tuple[type[BaseSettings], ...]]] = {
    "topics": (KafkaSettings,),
    "rules": (Settings,),
    "ingest": (ListenSettings, IngestSettings, KafkaSettings),
    "processor": (Settings, ProcessorSettings, KafkaSettings),
    "demo": (),
}

_VARIABLE: Final = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")

_WHERE_SET: Final = re.compile(r"\$\{(\w+):\+([^}]*)\}")

# What the example shows that is no default: what there is to choose.
CHOICES: Final = {
    "AUDITSTREAM_DISABLE_RULES",
    "AUDITSTREAM_DISABLE_TAGS",
    "AUDITSTREAM_ENABLE_RULES",
    "AUDITSTREAM_ENABLE_TAGS",
    "AUDITSTREAM_FALCO_CONFIG",
    "AUDITSTREAM_TLS_CERTIFICATE",
    "AUDITSTREAM_TLS_KEY",
    "AUDITSTREAM_TOKENS",
}

Services = dict[str, dict[str, Any]]


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep variables of whoever runs the tests away."""
    for name in os.environ:
        if name.upper().startswith("AUDITSTREAM_"):
            monkeypatch.delenv(name)


def services(text: str = COMPOSE, values: Mapping[str, str] = {}) -> Services:
    """Return the services as they are with these variables and no others."""
    filled = _WHERE_SET.sub(lambda match: match[2] if values.get(match[1]) else "", text)
    filled = _VARIABLE.sub(lambda match: values.get(match[1], match[2] or ""), filled)
    assert "$" not in filled, "a form of variables that this test does not know"
    found = yaml.safe_load(filled)["services"]
    assert isinstance(found, dict)
    return found


def examples(text: str = EXAMPLE) -> dict[str, str]:
    """Return the variables of .env.example, with the values that it shows."""
    return dict(re.findall(r"^# ([A-Z0-9_]+)=(.*)$", text, re.MULTILINE))


def variables_of(kind: type[BaseSettings]) -> dict[str, str]:
    """Return the fields of a settings class by their variables."""
    prefix = kind.model_config["env_prefix"]
    return {f"{prefix}{field}".upper(): field for field in kind.model_fields}


# --- the checks


def open_ports(found: Services) -> list[str]:
    """Return what is published to more than this machine."""
    return [port for service in found.values() for port in service.get("ports", ()) if not _is_loopback(port)]


def _is_loopback(port: str) -> bool:
    return re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) is not None


def strange_variables(found: Services) -> list[str]:
    """Return the variables that a service's command does not read: it would refuse them, or pass over them."""
    return [
        f"{name}: {variable}"
        for name, kinds in READS.items()
        for variable in found[name].get("environment", {})
        if variable not in {known for kind in kinds for known in variables_of(kind)}
    ]


def untold(compose: str, example: str) -> set[str]:
    """Return the variables that stand in one of the two only."""
    handed_on = {
        variable
        for service in services(compose).values()
        for variable, value in service.get("environment", {}).items()
        if value is None
    }
    return ({name for name, _ in _VARIABLE.findall(compose)} | handed_on) ^ set(examples(example))


_KEYS: Final = {
    *("build", "cap_drop", "command", "depends_on", "deploy", "environment", "healthcheck", "image", "init", "ports"),
    *(
        "profiles",
        "pull_policy",
        "read_only",
        "restart",
        "security_opt",
        "stop_grace_period",
        "tmpfs",
        "user",
        "volumes",
    ),
}
"""What a service is told; `privileged`, `network_mode`, `cap_add` and their like are not among it."""


def strange_keys(found: Services) -> set[str]:
    """Return what services are told that nobody has thought of here."""
    return {f"{name}: {key}" for name, service in found.items() for key in service.keys() - _KEYS}


def loose_folders(found: Services) -> set[str]:
    """Return folders of this machine that a service could write to, or that Docker would make if they are not there."""
    return {
        name
        for name in READS
        for mount in found[name].get("volumes", ())
        if not isinstance(mount, dict) or not mount["read_only"] or mount["bind"] != {"create_host_path": False}
    }


def rights(found: Services) -> dict[str, set[str]]:
    """Return what each service may do that it need not."""
    wanted = {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}
    ours = {**wanted, "read_only": True, "user": "10001:10001"}
    return {
        name: lacking
        for name, service in found.items()
        if (lacking := {key for key, value in (ours if name in READS else wanted).items() if service.get(key) != value})
    }


# --- what is written


def test_what_is_published_is_reached_from_this_machine_only() -> None:
    assert open_ports(services()) == []
    assert {name for name, service in services().items() if "ports" in service} == {"kafka", "ingest"}


@pytest.mark.parametrize("port", ["9092:9092", "0.0.0.0:9092:9092", "9092", "[::]:9092:9092"])
def test_a_port_that_is_open_is_found(port: str) -> None:
    assert open_ports(services(COMPOSE.replace("127.0.0.1:${DEPLOY_KAFKA_PORT:-9092}:19092", port))) == [port]


def test_no_service_has_a_right_that_it_does_not_need() -> None:
    assert rights(services()) == {}
    assert rights(services(values={"DEPLOY_USER": "0:0"})) == {name: {"user"} for name in READS}
    assert rights(services(COMPOSE.replace("    cap_drop: [ALL]\n", ""))) == {"kafka": {"cap_drop"}}

    assert strange_keys(services()) == set()
    assert strange_keys(services(COMPOSE.replace("    command: [ingest]", "    privileged: true"))) == {
        "ingest: privileged"
    }


def test_folders_of_this_machine_are_read_only_and_have_to_be_there() -> None:
    assert loose_folders(services()) == set()
    assert loose_folders(services(COMPOSE.replace("etc/auditstream/tls, read_only: true", "x, read_only: false"))) == {
        "ingest"
    }
    assert loose_folders(services(COMPOSE.replace("{create_host_path: false}", "{create_host_path: true}"))) == {
        *("ingest", "processor", "rules"),
    }


def test_the_image_is_built_here_and_never_pulled() -> None:
    found = services()
    assert {found[name]["pull_policy"] for name in READS} == {"never"}
    assert {found[name]["image"] for name in READS} == {"auditstream"}
    built = {name for name in READS if found[name].get("build")}
    assert built == {"topics", "rules"}, "those that are run before all others"
    assert {found[name]["build"]["dockerfile"] for name in built} == {"deploy/Dockerfile"}


def test_a_webhook_that_is_published_to_others_asks_for_tokens() -> None:
    ingest = services()["ingest"]["environment"]
    assert ingest["AUDITSTREAM_LISTEN_HOST"] == "0.0.0.0"  # noqa: S104 - within the container
    assert ingest["AUDITSTREAM_PUBLISHED_HOST"] == "127.0.0.1"
    assert ingest["AUDITSTREAM_ALLOW_UNAUTHENTICATED"] is None
    for address in ("0.0.0.0", "192.0.2.1"):  # noqa: S104 - what is published
        opened = services(values={"DEPLOY_ADDRESS": address})["ingest"]
        assert opened["environment"]["AUDITSTREAM_PUBLISHED_HOST"] == address
        assert opened["ports"] == [f"{address}:8765:8765"]
    assert services(values={"DEPLOY_PORT": "9"})["ingest"]["ports"] == ["127.0.0.1:9:8765"]


def test_processors_can_be_several() -> None:
    processor = services()["processor"]
    assert not {"ports", "container_name", "hostname"} & processor.keys()
    assert processor["deploy"] == {"replicas": "1"}
    assert services(values={"DEPLOY_PROCESSORS": "3"})["processor"]["deploy"] == {"replicas": "3"}


def test_everybody_waits_for_what_it_needs() -> None:
    done, well = "service_completed_successfully", "service_healthy"
    found = {
        name: {other: needs["condition"] for other, needs in service["depends_on"].items()}
        for name, service in services().items()
        if "depends_on" in service
    }
    assert found == {
        "topics": {"kafka": well},
        "ingest": {"topics": done},
        "processor": {"topics": done, "rules": done},
        "demo": {"ingest": well, "processor": well},
    }


def test_what_runs_comes_back_and_has_time_to_end() -> None:
    found = services()
    running = {name for name, service in found.items() if service.get("restart") == "unless-stopped"}
    assert running == {"kafka", "ingest", "processor"}
    assert {name for name, service in found.items() if "healthcheck" in service} == running
    assert {name: found[name]["stop_grace_period"] for name in running} == dict.fromkeys(running, "60s")
    assert [name for name, service in found.items() if "profiles" in service] == ["demo"]


def test_looks_at_health_are_quick_at_first_and_rare_later() -> None:
    for service in services().values():
        if check := service.get("healthcheck"):
            assert int(check["start_interval"].removesuffix("s")) <= 3
            assert int(check["interval"].removesuffix("s")) >= 15
            assert int(check["start_period"].removesuffix("s")) >= 60


def test_kafka_makes_no_topics_by_itself_and_keeps_what_it_has() -> None:
    kafka = services()["kafka"]
    assert kafka["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    assert kafka["volumes"] == [f"kafka:{kafka['environment']['KAFKA_LOG_DIRS']}"]
    assert "kafka" in yaml.safe_load(COMPOSE)["volumes"]


@pytest.mark.parametrize("chosen", ["9092", "29092"])
def test_kafka_names_the_address_at_which_this_machine_reaches_it(chosen: str) -> None:
    kafka = services(values={"DEPLOY_KAFKA_PORT": chosen})["kafka"]
    address = f"127.0.0.1:{chosen}"
    (port,) = kafka["ports"]
    published, _, inside = port.rpartition(":")
    assert published == address
    assert f"HOST://:{inside}" in kafka["environment"]["KAFKA_LISTENERS"].split(",")
    assert f"HOST://{address}" in kafka["environment"]["KAFKA_ADVERTISED_LISTENERS"].split(",")


def test_each_command_finds_kafka_where_containers_reach_it() -> None:
    found = services()
    addresses = {
        found[name]["environment"].get("AUDITSTREAM_KAFKA_BOOTSTRAP") for name in ("topics", "ingest", "processor")
    }
    (address,) = addresses
    assert f"INSIDE://{address}" in found["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"].split(",")


def test_rules_are_checked_and_judged_by_from_the_same_folder_read_only() -> None:
    found = services()
    for name in ("rules", "processor"):
        folder = found[name]["environment"]["AUDITSTREAM_RULES"]
        (mount,) = found[name]["volumes"]
        assert (mount["source"], mount["target"]) == ("./rules.d", folder)
    judging = {name for name in found["processor"]["environment"] if name in variables_of(Settings)}
    assert judging == set(found["rules"]["environment"])


def test_health_and_demo_ask_where_the_commands_listen() -> None:
    found = services()
    for name, port in (("ingest", ListenSettings().listen_port), ("processor", ProcessorSettings().listen_port)):
        module, url = found[name]["healthcheck"]["test"][-2:]
        assert (module, url) == ("auditstream.health_check", f"http://127.0.0.1:{port}/readyz")
    secured = services(values={"AUDITSTREAM_TLS_CERTIFICATE": "tls.crt"})["ingest"]["healthcheck"]["test"][-1]
    port = ListenSettings().listen_port
    assert secured == f"https://127.0.0.1:{port}/readyz"
    assert found["demo"]["command"][-1] == f"http://ingest:{port}{PATH}"
    assert found["ingest"]["ports"] == [f"127.0.0.1:8765:{port}"]


# --- who is told what


def test_each_service_is_told_what_its_command_reads_and_nothing_else() -> None:
    assert strange_variables(services()) == []


@pytest.mark.parametrize(
    ("instead", "problem"),
    [
        ("AUDITSTREAM_CLUSTR:", "ingest: AUDITSTREAM_CLUSTR"),
        ("AUDITSTREAM_NO_PACK:", "ingest: AUDITSTREAM_NO_PACK"),
        ("AUDITSTREAM_PROCESSOR_LISTEN_HOST: 0.0.0.0", "ingest: AUDITSTREAM_PROCESSOR_LISTEN_HOST"),
    ],
)
def test_a_variable_that_a_command_does_not_read_is_found(instead: str, problem: str) -> None:
    assert strange_variables(services(COMPOSE.replace("AUDITSTREAM_CLUSTER:", instead))) == [problem]


def test_what_compose_can_be_told_stands_in_the_example_and_nothing_else_does() -> None:
    assert untold(COMPOSE, EXAMPLE) == set()
    assert untold(COMPOSE, EXAMPLE.replace("# DEPLOY_USER=", "# DEPLOY_USERS=")) == {"DEPLOY_USER", "DEPLOY_USERS"}
    assert untold(COMPOSE.replace("      AUDITSTREAM_CLUSTER:\n", ""), EXAMPLE) == {"AUDITSTREAM_CLUSTER"}


def test_every_line_of_the_example_is_a_remark_until_it_is_chosen() -> None:
    assert [line for line in EXAMPLE.splitlines() if line and not line.startswith("# ")] == []


def test_the_example_shows_the_defaults_of_compose() -> None:
    defaults = {name: default for name, default in _VARIABLE.findall(COMPOSE) if default}
    assert defaults
    assert {name: value for name, value in examples().items() if name.startswith("DEPLOY_")} == defaults


def _settings(monkeypatch: pytest.MonkeyPatch, values: Mapping[str, str]) -> list[BaseSettings]:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return [kind() for kind in _kinds(READS.values())]


def _kinds(reads: Iterable[tuple[type[BaseSettings], ...]]) -> list[type[BaseSettings]]:
    return list(dict.fromkeys(kind for kinds in reads for kind in kinds))


def test_the_example_shows_the_defaults_of_the_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = _settings(monkeypatch, {})
    shown = {name: value for name, value in examples().items() if name.startswith("AUDITSTREAM_")}
    chosen = {name: value for name, value in shown.items() if name.startswith(("AUDITSTREAM_DIS", "AUDITSTREAM_EN"))}
    shown = {name: value for name, value in shown.items() if name not in CHOICES}
    assert _settings(monkeypatch, shown) == defaults
    ruleset = load_rules([], with_pack=True, selection=Selection()).ruleset
    assert ruleset is not None
    assert not ruleset.by_name[chosen["AUDITSTREAM_ENABLE_RULES"]].is_enabled
    patterns, tags = chosen["AUDITSTREAM_DISABLE_RULES"], {tag for rule in ruleset.rules for tag in rule.tags}
    assert any(fits(rule.name, patterns) for rule in ruleset.rules)
    assert {chosen["AUDITSTREAM_DISABLE_TAGS"], chosen["AUDITSTREAM_ENABLE_TAGS"]} <= tags
    assert _settings(monkeypatch, {"AUDITSTREAM_CLUSTER": "other"}) != defaults


def test_a_value_that_is_empty_in_the_environment_file_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = _settings(monkeypatch, {})
    assert _settings(monkeypatch, {name: "" for name in examples() if name.startswith("AUDITSTREAM_")}) == defaults


def test_the_files_of_tls_are_looked_for_where_the_folder_is(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = {name: value for name, value in examples().items() if name in variables_of(ListenSettings)}
    _settings(monkeypatch, shown)
    settings = ListenSettings()
    (mount,) = services()["ingest"]["volumes"]
    folder = mount["target"]
    assert mount["source"] == "./tls"
    assert {str(path) for path in (settings.tls_certificate, settings.tls_key, settings.tokens)} == {
        f"{folder}/{name}" for name in ("tls.crt", "tls.key", "tokens")
    }


def test_what_is_chosen_here_stays_out_of_git() -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert ignored.index("tls/*") < ignored.index("!tls/README.md")
    assert ".env" in ignored
