"""Records into a state, by the engine of every mode and no rule. Called by `auditstream.resources_app`.

For the state of the one process while that does not run. With Kafka the workers do it.
"""

from collections.abc import Callable

from auditstream.import_command import Batches
from processor.engine import Engine
from processor.state import State
from rules.ruleset import Matching, Ruleset


def take_in(batches: Batches, state: State, commit: Callable[[], None]) -> None:
    """Have a state remember what some records show, and make that durable by `commit` after each batch."""
    engine = Engine(Ruleset((), Matching.ALL, ""), hostname="")
    for batch in batches:
        engine.process(batch, state)
        commit()
