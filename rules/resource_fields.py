"""The `resource.*` fields: what the inventory knows of an event's target.

The facts themselves come with the event (`processor.inventory`); here they get names and descriptions. They are there
only for events that carry an affinity key, and each only where it is known.
"""

from typing import Final

from rules.event import Event
from rules.fields import Field, FieldValue, Type


def _fact(name: str, description: str, type_: Type = Type.STRING) -> Field:
    def read(event: Event, _argument: str | None) -> FieldValue:
        return event.facts.get(name)

    return Field(name, description, read, type=type_)


RESOURCE_FIELDS: Final = (
    _fact("resource.exists", "Whether the object exists after the event: true or false; absent if never seen."),
    _fact("resource.before.exists", "The same before the event; of a creation, false if the name was in use earlier."),
    _fact("resource.created.user", "Who created the object; absent if that was not seen."),
    _fact("resource.created.source_ip", "Where its creation came from: the address that the API server saw."),
    _fact("resource.created.time", "When it was created, such as 2026-11-23T20:34:01.258117000Z."),
    _fact("resource.deleted.user", "Who was the first to ask for its deletion."),
    _fact("resource.lifetime_seconds", "How long it existed, in whole seconds; absent while it does.", Type.NUMBER),
)
"""What is known of the target: as of the event, whatever is known of later ones."""
