"""Records into a state, by the engine of every mode and no rule. Called by `auditstream.resources_app`.

For the state of the one process while that does not run. With Kafka the workers do it.
"""

from auditstream.import_command import Batches
from processor.engine import Engine
from processor.inventory import State
from rules.ruleset import Matching, Ruleset


def take_in(batches: Batches, state: State) -> None:
    """Have a state remember what some records show."""
    engine = Engine(Ruleset((), Matching.ALL, ""), hostname="")
    for batch in batches:
        engine.process(batch, state)
