"""`auditstream rules test [DIR...]`: the samples kept beside rules, judged and held against what they say.

Called by `auditstream.rules_app`.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from auditstream.exit_codes import FINDINGS, OK
from auditstream.rule_loading import ready_rules
from auditstream.rules_commands import Format
from auditstream.sample import judge, read_sample
from auditstream.sample_files import Folder, SampleFile, file_stem, group_of
from auditstream.screen import Screen
from auditstream.settings import Settings
from auditstream.terminal import counted, escape_json
from auditstream.usage import UsageError, did_you_mean
from rules.ruleset import Rule
from rules.text import escape

_MAX_NAMED: Final = 20
"""So many rules without samples are told one by one: a folder may have none yet for thousands."""


@dataclass(frozen=True, slots=True)
class _Remark:
    """One thing to tell."""

    file: str
    line: int | None
    rule: str | None
    message: str

    def to_text(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.message}" if self.rule is None else f"{place}: rule '{self.rule}': {self.message}"

    def to_dict(self) -> dict[str, object]:
        return {"file": self.file, "line": self.line, "rule": self.rule, "message": self.message}


@dataclass(slots=True)
class _Tested:
    """What came of the samples until now."""

    samples: int = 0
    rules: dict[str, Rule] = field(default_factory=dict)
    """Those that have samples that could be read, by name."""
    errors: list[_Remark] = field(default_factory=list)
    bare: list[_Remark] = field(default_factory=list)
    """Rules that have none."""


def run_samples(settings: Settings, output_format: Format, screen: Screen, *, is_strict: bool) -> int:
    """Judge the samples of the folders that the settings name, of the pack if they name none; return the exit code."""
    folders = _folders(settings)
    lists = filter(None, (folder.lists() for folder in folders))
    with_lists = settings.model_copy(update={"rules": (*settings.rules, *lists)})
    ruleset = ready_rules(with_lists, screen, is_machine=output_format is Format.JSON)
    if ruleset is None:
        return FINDINGS
    tested = _Tested()
    for folder in folders:
        _test_folder(folder, ruleset.rules, tested)
    errors, notes = (tested.errors, tested.bare) if not is_strict else ([*tested.errors, *tested.bare], [])
    disabled = [name for name, rule in tested.rules.items() if not rule.is_enabled]
    if output_format is Format.JSON:
        outcome = {
            "successful": not errors,
            "samples": tested.samples,
            "rules": len(tested.rules),
            "errors": [remark.to_dict() for remark in errors],
            "notes": [remark.to_dict() for remark in notes],
            "disabled": disabled,
        }
        screen.show([escape_json(json.dumps(outcome, ensure_ascii=False))])
    else:
        screen.show(escape(line) for line in _lines(tested, errors, notes, disabled))
    return FINDINGS if errors else OK


def _folders(settings: Settings) -> list[Folder]:
    if not settings.rules and settings.no_pack:
        raise UsageError("there is nothing to test: name a folder of rules, or leave out --no-pack")
    for path in settings.rules:
        if path.exists() and not path.is_dir():
            raise UsageError(f"cannot test {path}: it is a file; name the folder that it is in, where samples/ is too")
    return [Folder(path) for path in settings.rules] or [Folder()]


def _test_folder(folder: Folder, rules: Sequence[Rule], tested: _Tested) -> None:
    own = [rule for rule in rules if folder.owns(rule)]
    owners = _Owners(own, rules, folder.groups())
    with_samples = set()
    for file in folder.sample_files():
        owner = file.error or owners.of(file)
        if isinstance(owner, str):
            tested.errors.append(_Remark(file.path, None, None, owner))
        else:
            with_samples.add(owner.name)
            _test_file(file, owner, tested)
    for rule in own:
        if rule.name not in with_samples:
            message = f"it has no sample; put one into {folder.sample_path(rule)}"
            tested.bare.append(_Remark(rule.position.file, rule.position.line, rule.name, message))


class _Owners:
    """Which rule a sample file belongs to."""

    def __init__(self, own: Sequence[Rule], rules: Sequence[Rule], groups: Collection[str]) -> None:
        self._groups: Final = groups
        self._own: Final[dict[tuple[str, str], list[Rule]]] = defaultdict(list)
        self._all: Final[dict[str, list[Rule]]] = defaultdict(list)
        for rule in own:
            self._own[group_of(rule), file_stem(rule.name)].append(rule)
        for rule in rules:
            self._all[file_stem(rule.name)].append(rule)

    def of(self, file: SampleFile) -> Rule | str:
        """Return the rule of a file, or what is wrong."""
        if file.group not in self._groups:
            otherwise = "the folder is called as the rule file is, without its ending"
            hint = did_you_mean(file.group, self._groups, otherwise)
            return f"there is no rule file {file.group}.yaml beside samples: {hint}"
        # A file may change a rule of another, and keep samples for it as it is then.
        found = self._own.get((file.group, file.stem)) or self._all.get(file.stem, [])
        if not found:
            otherwise = "a sample file is called as its rule is, in lower case, with '-' for all but letters and digits"
            return f"no rule is called so: {did_you_mean(file.stem, self._all, otherwise)}"
        if len(found) > 1:
            names = " and ".join(f"'{rule.name}'" for rule in found[:_MAX_NAMED])
            return f"it fits the rules {names}; rename all but one of them"
        return found[0]


def _test_file(file: SampleFile, rule: Rule, tested: _Tested) -> None:
    for number, line in file.lines:
        try:
            sample = read_sample(line)
        except ValueError as error:
            wrong: str | None = str(error)
        else:
            tested.samples += 1
            tested.rules[rule.name] = rule
            wrong = judge(sample, rule)
        if wrong is not None:
            tested.errors.append(_Remark(file.path, number, rule.name, wrong))


def _lines(
    tested: _Tested, errors: Sequence[_Remark], notes: Sequence[_Remark], disabled: Sequence[str]
) -> Iterator[str]:
    yield from (remark.to_text() for remark in errors)
    yield from (f"note: {remark.to_text()}" for remark in notes[:_MAX_NAMED])
    if len(notes) > _MAX_NAMED:
        yield f"note: {counted(len(notes) - _MAX_NAMED, 'more rule')} without a sample"
    if disabled:
        names = ", ".join(f"'{name}'" for name in disabled[:_MAX_NAMED])
        more = f" and {len(disabled) - _MAX_NAMED:,} more" if len(disabled) > _MAX_NAMED else ""
        yield f"note: disabled, and tested all the same: {names}{more}"
    what = f"{counted(tested.samples, 'sample')} of {counted(len(tested.rules), 'rule')}"
    yield f"not ok: {counted(len(errors), 'error')}; tested {what}" if errors else f"ok: {what}"
