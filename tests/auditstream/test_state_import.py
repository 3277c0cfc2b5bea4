"""Records of an import into a state: what is listed is known then, and nobody is named for it."""

import json

from auditstream.state_import import take_in
from ingest.imported import imported
from ingest.listed import Listed
from processor.listing import resources
from processor.state import MemoryState
from tests.auditstream.listings import an_object
from wire.record import Record


def test_what_is_imported_is_known_by_its_own_age() -> None:
    found = imported(Listed(json.dumps(an_object("Pod", "web")).encode()), cluster="c", at_ms=1_796_000_000_000)
    assert isinstance(found, Record)
    state = MemoryState()
    durable: list[int] = []
    take_in([[found], [found]], state, lambda: durable.append(len(state)))
    assert durable == [2, 2]  # the object, and the clock
    (web,) = resources(state.items(), state.get, 1_796_000_000_000_000_000)
    assert (web.cluster, web.namespace, web.name, web.uid, web.exists) == ("c", "shop", "web", "uid-Pod-web", True)
    assert web.created is not None
    assert (web.created.user, web.created.time) == (None, "2026-11-23T20:34:01.000000000Z")
