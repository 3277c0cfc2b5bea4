"""The catalogue as a whole."""

import gzip
import json
from pathlib import Path

from rules.catalogue import FIELDS
from rules.fields import Argument

_VALUES = Path(__file__).parents[1] / "conformance" / "data" / "field_values_edge.json.gz"


def test_every_field_says_in_a_sentence_what_it_is() -> None:
    assert [field.name for field in FIELDS if not field.description.endswith(".")] == []


def test_the_catalogue_has_all_of_the_references_fields_but_some_of_evt() -> None:
    names = {name.partition("[")[0] for name in json.loads(gzip.decompress(_VALUES.read_bytes()))["fields"]}
    missing = {name for name in names if FIELDS.get(name) is None}
    assert missing == {"evt.asynctype", "evt.is_async", "evt.rawtime", "evt.rawtime.ns", "evt.rawtime.s"}


def test_only_list_fields_and_keys_take_arguments() -> None:
    odd = [field.name for field in FIELDS if field.argument is Argument.INDEX and not field.is_list]
    assert odd == []
