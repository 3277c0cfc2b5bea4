"""The exit codes are what users were told."""

import re
from pathlib import Path

from auditstream import exit_codes

README = Path(__file__).parents[2] / "README.md"


def test_readme_tells_every_code() -> None:
    codes = {value for name, value in vars(exit_codes).items() if name.isupper()}
    (told,) = re.findall(r"Exit codes: ([^.]+)\.", README.read_text())
    assert codes == {int(number) for number in re.findall(r"\b(\d+) ", told)} == {0, 1, 2, 70, 130}
    assert "70 a defect of ours, or a worker that cannot be sure of its work" in " ".join(told.split())
