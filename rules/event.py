"""An audit.k8s.io/v1 Event as conditions see it: a document and the few things around it. Absent is absent.

Made by `processor.decode` from a record; read by the fields of `rules.fields` and, for what it shows of its target,
by the inventory. Holds no meaning of its own beyond where the parts of an event stand.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Final

from rules.document import Value
from rules.podspec import PodSpecFacts, facts_of

FactValue = str | int | tuple[str, ...]

NO_FACTS: Final[Mapping[str, FactValue]] = MappingProxyType({})


class Event:
    """One audit event. Parts are looked up when asked for and remembered."""

    def __init__(
        self,
        document: Value,
        time_ns: int,
        cluster: str = "",
        *,
        hostname: str = "",
        identify: Callable[[], str] = str,
    ) -> None:
        self.document: Final = document
        """The whole event; an object."""
        self.time_ns: Final = time_ns
        """`stageTimestamp` in nanoseconds since the epoch."""
        self.cluster: Final = cluster
        """The cluster that the sender's credential is bound to."""
        self.facts: Mapping[str, FactValue] = NO_FACTS
        """What the inventory knows of the event's target, by field name (`resource.*`); absent is unknown."""
        self.hostname: Final = hostname
        """What whoever judges it calls itself, as alerts say it."""
        self._identify: Final = identify

    def with_facts(self, facts: Mapping[str, FactValue]) -> "Event":
        """Return this event with what the inventory knows of its target."""
        known = self.identity  # whoever knows the target has asked for it already
        told = Event(self.document, self.time_ns, self.cluster, hostname=self.hostname, identify=lambda: known)
        told.facts = facts
        return told

    @cached_property
    def identity(self) -> str:
        """32 hex digits, the same for every repeat of the event and in every mode; asked for when first needed."""
        return self._identify()

    def text(self, *path: str) -> str | None:
        """Return the text of what stands at a path, None where a step is missing."""
        value = self.document.at(*path)
        return None if value is None else value.text

    def string(self, *path: str) -> str | None:
        """Return the string at a path, None where there is none or something else stands there."""
        value = self.document.at(*path)
        return None if value is None else value.string

    @cached_property
    def request_object(self) -> Value | None:
        """`requestObject`, None where the event carries none."""
        return self.document.member("requestObject")

    @cached_property
    def response_object(self) -> Value | None:
        """`responseObject`, None where the event carries none."""
        return self.document.member("responseObject")

    @cached_property
    def has_audit_id(self) -> bool:
        """Whether the event has an `auditID` at all, be it null: without it no `ka.*` field has a value."""
        return self.document.member("auditID") is not None

    @cached_property
    def target(self) -> tuple[str, str, str]:
        """`objectRef` as (apiGroup, resource, subresource), the empty string for what is missing."""
        return (
            self.string("objectRef", "apiGroup") or "",
            self.string("objectRef", "resource") or "",
            self.string("objectRef", "subresource") or "",
        )

    @cached_property
    def pod_spec(self) -> PodSpecFacts | None:
        """What the pod spec in this event asks for, None where it carries none."""
        return facts_of(self.target, self.string("verb"), (self.request_object, self.response_object))
