"""The first source of a broker: one that runs already, at the address in `KAFKA_BOOTSTRAP`."""

import asyncio
from dataclasses import dataclass

from aiokafka.errors import KafkaError

from tests.kafka.broker import Broker, Deadline, Unavailable, ask


@dataclass(frozen=True)
class RunningBroker:
    """Somebody else's broker: used, and left as it is."""

    bootstrap: str

    def end(self) -> None:
        """Leave it running."""


@dataclass(frozen=True)
class Environment:
    """The address that whoever runs the tests gives, if any."""

    bootstrap: str | None
    name: str = "KAFKA_BOOTSTRAP"
    own: bool = False

    def check(self, deadline: Deadline) -> None:
        """See whether there is an address."""
        deadline.check()
        if not self.bootstrap:
            raise Unavailable("not set")

    def fetch(self, deadline: Deadline) -> None:
        """Download nothing."""

    def start(self, deadline: Deadline) -> Broker:
        """Ask it once: a broker that runs already has no reason to be late."""
        assert self.bootstrap is not None
        try:
            asyncio.run(ask(self.bootstrap, deadline.left()))
        except (KafkaError, OSError, ValueError) as error:
            raise Unavailable(f"{self.bootstrap} does not answer: {error!r}") from error
        return RunningBroker(self.bootstrap)
