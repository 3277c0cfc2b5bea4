"""What topics are called and how they are kept."""

import pytest

from wire.record import MAX_EVENT_BYTES
from wire.topics import MAX_RECORD_BYTES, Topics


def test_the_topics_have_the_names_that_consumers_are_told() -> None:
    assert [topic.name for topic in Topics().all] == [
        "audit.events",
        "audit.alerts",
        "audit.deadletter",
        "audit.processor-inventory-changelog",
    ]
    assert Topics().group == "audit.processor"


def test_another_prefix_is_another_installation() -> None:
    ours, theirs = Topics("east-"), Topics("west-")
    assert not {topic.name for topic in ours.all} & {topic.name for topic in theirs.all}
    assert ours.group != theirs.group


@pytest.mark.parametrize("topic", ["events", "alerts", "dead_letter"])
def test_what_is_accepted_fits_and_is_kept_for_days(topic: str) -> None:
    settings = getattr(Topics(), topic).settings
    assert int(settings["max.message.bytes"]) == MAX_RECORD_BYTES > MAX_EVENT_BYTES
    assert settings["cleanup.policy"] == "delete"
    assert int(settings["retention.ms"]) >= 7 * 24 * 3600 * 1000


def test_the_changelog_is_compacted_late_enough_for_a_recovery_to_see_who_wrote_last() -> None:
    settings = Topics().changelog.settings
    assert settings["cleanup.policy"] == "compact"
    assert "retention.ms" not in settings
    assert int(settings["min.compaction.lag.ms"]) >= 3600 * 1000
