"""Assignments that are nobody's fault and nobody's use: they do not last."""

import pytest

from tests.processor.stream.workers import Installation, late_creations

pytestmark = pytest.mark.partitions(1)


def test_a_group_whose_leader_knew_no_topics_for_a_moment_does_not_stand_still(installation: Installation) -> None:
    hidden = installation.folder / "hidden"
    hidden.touch()
    installation.send(late_creations(["a", "b"], 3600))
    worker = installation.start(f"hide_topics={hidden}")
    worker.await_ready()
    assert worker.count("auditstream_processor_recoveries_total") == 0, "nothing was assigned"
    hidden.unlink()
    installation.await_committed()
    assert worker.stop() == 0
    installation.check()
