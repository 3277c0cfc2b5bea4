"""`auditstream process` from the settings to the exit code: what `auditstream.kafka_commands` calls.

Puts rules, engine and worker together, and tells what it does. Imports Faust, which no other command does.
"""

import signal

from prometheus_client import CollectorRegistry

from auditstream.exit_codes import FINDINGS, INTERRUPTED, OK
from auditstream.kafka_away import quiet
from auditstream.looks import Looks
from auditstream.rule_loading import ready_engine, ready_rules, waiting
from auditstream.screen import Screen
from auditstream.server import address_of, listen
from auditstream.settings import Settings
from auditstream.terminal import counted
from processor.settings import ProcessorSettings
from processor.stream.ready import UnevenError
from processor.stream.worker import Worker
from rules.text import escape
from wire.kafka_settings import KafkaSettings


def run_process(settings: Settings, processor: ProcessorSettings, kafka: KafkaSettings, screen: Screen) -> int:
    """Judge what is in Kafka until SIGTERM or Ctrl-C and return the exit code."""
    ruleset = ready_rules(settings, screen)
    if ruleset is None:
        screen.note(
            ["auditstream: nothing is judged: correct what is told above, see 'auditstream rules check --help'"]
        )
        return FINDINGS
    enabled = sum(rule.is_enabled for rule in ruleset.rules)
    engine = ready_engine(ruleset, settings)
    events = kafka.topics.events.name
    looks = Looks(ill=f"nothing of {events} is judged", well=f"{events} is judged", is_well=False)

    def look(trouble: str | None) -> None:
        line = looks.look(trouble)
        if line is not None:
            screen.note([f"auditstream: {escape(line)}"])

    worker = Worker(kafka, processor, engine, CollectorRegistry(), look)
    with listen(processor.listen_host, processor.listen_port) as listener, quiet(screen):
        screen.note([f"auditstream: health and metrics on {address_of(listener)}; {counted(enabled, 'rule')}"])
        screen.note(waiting(ruleset))
        if not enabled:
            screen.note(["auditstream: no rule is enabled, so that nothing can alert: see 'auditstream rules list'"])
        try:
            ended_by = worker.run(listener)
        except UnevenError as error:
            screen.note([escape(f"auditstream: {error}")])
            return FINDINGS
    return INTERRUPTED if ended_by is signal.SIGINT else OK
