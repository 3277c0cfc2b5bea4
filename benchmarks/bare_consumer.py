"""The floor: aiokafka's consumer reading a topic from its beginning to its end, and doing nothing with it.

Run by `benchmarks.kafka_to_kafka` in a process of its own; prints one JSON line. The loop and the sizes of fetches are
those of a worker.
"""

import asyncio
import json
import sys
import time

import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition


async def read(bootstrap: str, topic: str, partitions: int) -> dict[str, float]:
    """Return how many events there were, of how many bytes, and the CPU seconds that reading them took."""
    assigned = [TopicPartition(topic, number) for number in range(partitions)]
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, max_partition_fetch_bytes=1024 * 1024, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        consumer.assign(assigned)
        left = sum((await consumer.end_offsets(assigned)).values())
        events = size = 0
        begin = time.process_time()
        while events < left:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                events += len(records)
                size += sum(len(record.value) for record in records)
        return {"events": events, "bytes": size, "cpu_seconds": time.process_time() - begin}
    finally:
        await consumer.stop()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(read(sys.argv[1], sys.argv[2], int(sys.argv[3])))))
