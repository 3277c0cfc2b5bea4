"""What keeps a worker that was frozen from writing: nothing is sent unless the group still counts it as a member.

A broker refuses the commits of a worker that has lost its partitions, but not what it produces. So each heartbeat that
the broker accepts gives a lease, counted from when the heartbeat was sent, a little shorter than the session: until it
ends, the partitions cannot have been given to another. Every produce request waits for a lease, also one that the
freeze had left half done. If the broker was only away, the next heartbeat lets them go on; if the group went on
without this worker, `processor.stream.checkpoint` ends the process. A member that does not rejoin within the rebalance
timeout (60 s) is put out although its heartbeats are accepted until the next one: for that moment only the offsets and
epochs of the changelog tell.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from faust.transport.drivers import aiokafka as driver

_SHARE: Final = 0.9
"""Of the session timeout: what is left is for clocks that do not run alike."""

_PAUSE_SECONDS: Final = 0.05
_AWAY_SECONDS: Final = 0.1

FETCH_WAIT_MS: Final = 250
"""How long a broker may keep a fetch that finds nothing. It answers a connection's requests in their order, so that all
that a rebalance asks waits behind such a fetch; Faust gives it 1500."""


Send = Callable[[int, Any], Awaitable[None]]
"""What puts a produce request on the wire: the broker's number, and batches by partition."""


class LeaseThread(driver.AIOKafkaConsumerThread):
    """Faust's thread of the consumer, which notes when heartbeats were accepted."""

    def _create_consumer(self, loop: asyncio.AbstractEventLoop) -> Any:  # noqa: ANN401 - aiokafka has no types
        consumer = super()._create_consumer(loop)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001 - held to be there by a test
        start = consumer.start

        async def start_and_watch() -> None:
            await start()
            self._watch(consumer._coordinator)  # noqa: SLF001 - held to be there by a test

        consumer.start = start_and_watch
        return consumer

    def _watch(self, coordinator: Any) -> None:  # noqa: ANN401 - the same
        """Take every heartbeat that is accepted for a lease; a join alone gives none."""
        owner: Any = self.consumer
        seconds = self.app.conf.broker_session_timeout * _SHARE
        heartbeat, rejoin = coordinator._do_heartbeat, coordinator._do_rejoin_group  # noqa: SLF001 - the same

        async def do_heartbeat() -> bool:
            sent = time.monotonic()
            accepted: bool = await heartbeat()
            if accepted:
                owner.lease_until = max(owner.lease_until, sent + seconds)
            elif coordinator.generation == driver.DEFAULT_GENERATION_ID:
                owner.lease_until = min(owner.lease_until, time.monotonic())
            return accepted

        async def do_rejoin_group(*args: Any) -> bool:  # noqa: ANN401 - the same
            joined: bool = await rejoin(*args)
            if joined:
                await do_heartbeat()
            return joined

        coordinator._do_heartbeat, coordinator._do_rejoin_group = do_heartbeat, do_rejoin_group  # noqa: SLF001 - the same


class LeasedProducer(driver.Producer):
    """Faust's producer, idempotent, and silent without a lease: new batches and repeats of old ones alike."""

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": True}

    async def on_start(self) -> None:
        """Put the lease before the last step to the wire."""
        await super().on_start()
        # aiokafka gives up batches that find no leader for so long, though they could be repeated for ever.
        self.client._message_accumulator._batch_ttl = math.inf  # noqa: SLF001 - held to be there by a test
        cluster = self.client.client
        cluster._metadata_update = with_pause(cluster._metadata_update)  # noqa: SLF001 - the same
        sender = self.client._sender  # noqa: SLF001 - the same
        sender._send_produce_req = self.with_lease(sender._send_produce_req)  # noqa: SLF001 - the same

    def with_lease(self, send: Send) -> Send:
        """Return what sends as soon as there is a lease."""

        async def send_with_lease(node_id: int, batches: Any) -> None:  # noqa: ANN401 - aiokafka has no types
            while lease_left(self.app.consumer) <= 0:  # noqa: ASYNC110 - a lease comes in another thread
                await asyncio.sleep(_PAUSE_SECONDS)
            await send(node_id, batches)

        return send_with_lease

    @property
    def client(self) -> Any:  # noqa: ANN401 - the same
        """The producer of aiokafka."""
        return self._ensure_producer()


def with_pause(update: Callable[..., Awaitable[bool]]) -> Callable[..., Awaitable[bool]]:
    """Return what asks for the cluster's metadata, and takes its time when it gets none.

    While a partition has no leader aiokafka's sender asks again as soon as it was answered. With a broker that was
    stopped the answer is a refused connection, and a worker with work in its hands would keep a core busy until the
    broker is back.
    """

    async def update_with_pause(*args: Any) -> bool:  # noqa: ANN401 - aiokafka has no types
        is_updated = await update(*args)
        if not is_updated:
            await asyncio.sleep(_AWAY_SECONDS)
        return is_updated

    return update_with_pause


def lease_left(consumer: Any) -> float:  # noqa: ANN401 - Faust's types know its own consumers only
    """Return for how many seconds the lease still holds; not above zero when it is out."""
    return float(consumer.lease_until - time.monotonic())
