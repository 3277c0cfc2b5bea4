"""Rule text keeps the place of every character, through YAML's styles and through being put together."""

from array import array

import pytest

from rules.text import Sources, Text, align


def test_offsets_of_several_files_are_told_apart() -> None:
    sources = Sources()
    first = sources.add("a.yaml", "one\ntwo\n")
    second = sources.add("b.yaml", "x\r\ny")
    assert str(sources.locate(first + 5)) == "a.yaml:2:2"
    assert str(sources.locate(second)) == "b.yaml:1:1"
    assert sources.locate(second + 1).line_text == "x"
    assert str(sources.locate(second + 3)) == "b.yaml:2:1"


def test_a_carriage_return_ends_a_line_as_it_does_in_yaml() -> None:
    sources = Sources()
    start = sources.add("a.yaml", "one\rtwo\r\r\nfour\u2028\r")
    places = [sources.locate(start + offset) for offset in (3, 5, 8, 9, 10, 15, 16)]
    assert [(place.line, place.column, place.line_text) for place in places] == [
        (1, 4, "one"),
        (2, 2, "two"),
        (3, 1, ""),
        (3, 2, ""),
        (4, 1, "four\u2028"),
        (4, 6, "four\u2028"),
        (5, 1, ""),
    ]


def test_the_end_of_a_file_is_a_place_of_its_own() -> None:
    sources = Sources()
    start = sources.add("a.yaml", "ab")
    sources.add("b.yaml", "cd")
    assert str(sources.locate(start + 2)) == "a.yaml:1:3"


def test_an_empty_file_has_a_place_too() -> None:
    sources = Sources()
    assert str(sources.locate(sources.add("a.yaml", ""))) == "a.yaml:1:1"


def test_joined_text_keeps_the_places_of_its_pieces() -> None:
    joined = Text.join((Text("ab", array("I", [3, 4, 5])), Text.at(" ", 90), Text("c", array("I", [70, 71]))))
    assert (joined.value, list(joined.origins)) == ("ab c", [3, 4, 90, 70, 71])


def test_stripping_keeps_the_places_of_what_stays() -> None:
    stripped = Text("  a ", array("I", range(5))).strip()
    assert (stripped.value, list(stripped.origins)) == ("a", [2, 3])


def test_stripping_blanks_alone_leaves_nothing() -> None:
    assert Text("   ", array("I", range(4))).strip().value == ""


@pytest.mark.parametrize(
    ("value", "source", "start", "style", "found"),
    [
        ("a b", "k: a b", 3, None, "a b"),
        ("a b", "k: a\n   b", 3, "", "a\nb"),
        ("a b\n", "k: >\n  a\n  b\n", 3, ">", "a\nb\n"),
        ("a\nb\n", "k: |\n  a\n  b\n", 3, "|", "a\nb\n"),
        ("a b", 'k: "a\n   b"', 3, '"', "a\nb"),
        ("a b", 'k: "a b"', 3, '"', "a b"),
        ("it's", "k: 'it''s'", 3, "'", "it's"),
        ('a"b', 'k: "a\\"b"', 3, '"', "a\\b"),
        ("aéb", 'k: "a\\u00e9b"', 3, '"', "a\\b"),
        ("ab", 'k: "a\\\n   b"', 3, '"', "ab"),
        ("a\tb", 'k: "a\\tb"', 3, '"', "ab"),
        ("a b\n", "k: >\r  a\r  b\r", 3, ">", "ab"),
        ("a\nb\n", "k: | # \n\r\n\ta\r\n\tb\r\n", 3, "|", "ab"),
        ("a\n", "k: |\x85  a\n", 3, "|", "a"),
        ("", "k: |", 3, "|", ""),
    ],
)
def test_every_character_of_a_scalar_is_found_in_its_source(
    value: str, source: str, start: int, style: str | None, found: str
) -> None:
    origins = align(value, source, start, style)
    assert len(origins) == len(value) + 1
    at_characters = [source[origin] for origin in origins[:-1]]
    assert [a for a, b in zip(at_characters, value, strict=True) if not b.isspace()] == [
        c for c in found if not c.isspace()
    ]
