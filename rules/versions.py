"""What this engine says it is when a rule file demands a version: the reference whose language it speaks.

Called by the collector. Spec sections 2.3 and 2.4.
"""

import re
from typing import Final

ENGINE_VERSION: Final = (0, 63, 0)
PLUGIN_VERSIONS: Final = {"k8saudit": (0, 18, 0), "json": (0, 7, 4)}

_VERSION: Final = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})", re.ASCII)
_NUMBER: Final = re.compile(r"\d{1,9}", re.ASCII)

Version = tuple[int, int, int]


def parse_version(text: str) -> Version | None:
    """Return `X.Y.Z` with whatever follows as a version, None where the text does not begin so."""
    match = _VERSION.match(text)
    return None if match is None else (int(match[1]), int(match[2]), int(match[3]))


def parse_engine_version(text: str) -> Version | None:
    """Return a demanded engine version; a lone number n stands for 0.n.0."""
    return (0, int(text), 0) if _NUMBER.fullmatch(text) else parse_version(text)


def is_compatible(have: Version, demanded: Version) -> bool:
    """Tell whether a version satisfies a demand: same major number, and not older."""
    return have[0] == demanded[0] and have >= demanded


def show(version: Version) -> str:
    """Return the version as text."""
    return ".".join(map(str, version))
