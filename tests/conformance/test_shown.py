"""What is taken for the same value is the same but for the spelling of strings in objects and arrays."""

import pytest

from tests.conformance.shown import same

_LINE = r'{"a": {"b" : "x\u003dy\/", "n":1.50}}'
_CAME = r'{"b":"x\u003dy\/","n":1.50}'


@pytest.mark.parametrize(
    "there",
    [
        _CAME,
        '{"b":"x=y/","n":1.50}',
        r'{"b":"x=\u0079\/","n":1.50}',
    ],
)
def test_strings_in_an_object_may_be_spelt_anew(there: str) -> None:
    assert same((_CAME, _CAME), (there, there), _LINE)


@pytest.mark.parametrize(
    ("here", "there"),
    [
        pytest.param(_CAME, '{"b":"x=y","n":1.50}', id="another string"),
        pytest.param(_CAME, '{"b":"x=y/","n":1.5}', id="another spelling of a number"),
        pytest.param(_CAME, '{"n":1.50,"b":"x=y/"}', id="another order of members"),
        pytest.param(_CAME, '{"b":"x=y/", "n":1.50}', id="another blank"),
        pytest.param(_CAME, '{"b":"x=y/","b":"x=y/","n":1.50}', id="a member twice"),
        pytest.param(r"x\u003dy", "x=y", id="no object"),
        pytest.param(r'"x\u003dy"', '"x=y"', id="no object but a string"),
        pytest.param(r'{"b":"x\u003dy\/"', '{"b":"x=y/"', id="no JSON"),
        pytest.param(r'{"b":"x=y\/","n":1.50}', '{"b":"x=y/","n":1.50}', id="not as it came"),
        pytest.param(None, _CAME, id="nothing"),
    ],
)
def test_all_else_is_compared_to_the_letter(here: object, there: object) -> None:
    assert not same((here, here), (there, there), _LINE)
    assert not same((_CAME, here), (_CAME, there), _LINE)
