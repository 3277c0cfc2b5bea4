"""Definitions into rules: each rule's condition, exceptions and output resolved, checked and bound.

What the loader does once everything is collected, one rule at a time; appends what is wrong to the problems and leaves
the rule out. What an earlier file left and a later one gives another meaning is looked at too: each file must be right
with those before it, whatever comes later. Spec sections 2.8 to 2.12.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Final

from rules.checker import Checker, Report, UnknownFieldError
from rules.collector import Collected, Definitions, is_ours
from rules.conditions import Condition, Conjunction, Negation
from rules.configuration import STATIC, Configuration
from rules.deprecated import CONTAINER_INFO, is_old
from rules.errors import Code, Problem
from rules.exceptions import Composed, ShapeError, compose
from rules.items import RuleItem
from rules.nodes import Check, Node
from rules.operators import EXISTS
from rules.outdated import Users
from rules.output import ExtraField, Format, joined, read_output
from rules.parser import parse
from rules.resolver import FLATTEN, LATER_FILE, TOO_DEEP, BrokenMacroError, MacroError, Resolver
from rules.ruleset import Rule, needed_lists
from rules.text import Sources, Text
from rules.tokenizer import ConditionError


@dataclass(frozen=True, slots=True)
class _Load:
    """What all rules of a load are compiled with."""

    configuration: Configuration
    checker: Checker
    sources: Sources


def compile_rules(
    collected: Collected,
    configuration: Configuration,
    checker: Checker,
    sources: Sources,
    problems: list[Problem],
) -> list[Rule]:
    """Return the rules for audit events that are right; append to `problems` what is wrong with the others."""
    definitions = collected.definitions
    resolver = Resolver(definitions)
    for misplaced, at, macro in resolver.misplaced:
        position, title = sources.locate(at), f"macro {macro}"
        problems.append(
            Problem(Code.LIST_NAME_AS_TEXT, misplaced.message, position, title, misplaced.hint, "condition")
        )
    problems += _broken(resolver, resolver.errors, sources)
    load = _Load(configuration, checker, sources)
    items = [numbered.item for numbered in sorted(definitions.rules.values(), key=lambda rule: rule.index)]
    too_much = configuration.check_growth(items, sources)
    if too_much is not None:
        problems.append(too_much)
        load = replace(load, configuration=replace(configuration, additions=()))
    rules = []
    for item in items:
        if not is_ours(item):
            message = f"the source '{item.source}' is unknown: this rule is left out"
            hint = "rules for audit events have source: k8s_audit"
            problems.append(Problem(Code.UNKNOWN_SOURCE, message, sources.locate(item.at), f"rule {item.name}", hint))
            continue
        rule = _Compilation(item, resolver, load, problems).rule()
        if rule is not None:
            rules.append(rule)
    for item in filter(is_ours, collected.replaced):
        _Compilation(item, resolver, load, problems).check_fields()
    problems += _unused(definitions, resolver, sources)
    problems += configuration.unmatched(items, sources)
    told = {problem.position for problem in problems if problem.code.is_error}
    for former in _formerly(collected, resolver, load):
        # What is wrong after a later file too is told as that.
        new = [problem for problem in former if problem.position not in told]
        told.update(problem.position for problem in new)
        problems += new
    return rules


def _broken(resolver: Resolver, which: Iterable[tuple[str, str]], sources: Sources) -> Iterator[Problem]:
    """Yield what is wrong with lists and macros themselves."""
    for kind, name in which:
        for error in resolver.errors.get((kind, name), ()):
            if not isinstance(error, BrokenMacroError):
                yield _problem(error, sources, f"{kind} {name}", "condition" if kind == "macro" else "")


def _problem(error: ConditionError, sources: Sources, title: str, part: str) -> Problem:
    return Problem(_code(error), error.message, sources.locate(error.at), title, error.hint, part)


def _formerly(collected: Collected, resolver: Resolver, load: _Load) -> Iterator[list[Problem]]:
    """Yield, file by file, the errors of what it left wrong and a later one gives another meaning.

    The last comes first: the resolver is taken back.
    """
    if len(collected.formers) < 2:  # noqa: PLR2004 - there is no later file
        return
    users = Users(collected)
    for former in reversed(collected.formers[1:]):
        old = users.outdated(former, resolver.definitions)
        resolver.go_back(former, old.names)
        problems = [*_broken(resolver, product(("list", "macro"), old.names), load.sources)]
        for name in old.rules:
            numbered = resolver.definitions.rules.get(name)
            if numbered is not None and is_ours(numbered.item):
                _Compilation(numbered.item, resolver, load, problems).rule()
        yield [_with_later(problem) for problem in problems if problem.code.is_error]


def _with_later(problem: Problem) -> Problem:
    if problem.hint == LATER_FILE:
        return problem
    return replace(problem, hint=f"{problem.hint}; {_LATER}" if problem.hint else _LATER)


_LATER: Final = "a later file cannot mend it: every file must be right with those before it"


@dataclass(slots=True)
class _Compilation:
    """One rule under way."""

    item: RuleItem
    resolver: Resolver
    load: _Load
    problems: list[Problem]
    errors: list[ConditionError] = field(default_factory=list)
    """All errors so far, in the order in which the reference meets them."""
    broken: set[int] = field(default_factory=set)
    """Exceptions whose fields are wrong, by their place: they are not looked at further."""

    def rule(self) -> Rule | None:
        """Return the rule, or None if it is left out or refused."""
        try:
            return self._rule()
        except RecursionError:  # how deep is too deep Python alone knows: it depends on who called
            self._fail(ConditionError(TOO_DEEP, self.item.condition.origins[0], FLATTEN), "condition")
            return None

    def _rule(self) -> Rule | None:
        item = self.item
        told = len(self.problems)
        self.check_fields()
        nodes = self._resolved()
        output = self._output()
        extra_fields = self._extra_fields()
        condition = self._condition(nodes)
        if item.skips_unknown_fields and self.errors and isinstance(self.errors[0], UnknownFieldError):
            error = self.errors[0]
            self.problems[told:] = [problem for problem in self.problems[told:] if not problem.code.is_error]
            self._tell(Code.UNKNOWN_FILTER, f"{error.message}: this rule is left out", error.at, error.hint)
            return None
        if condition is None or output is None or self.errors or item.is_broken:
            return None
        return Rule(
            name=item.name,
            description=item.description,
            priority=item.priority,
            tags=tuple(sorted(item.tags)),
            source=item.source,
            is_enabled=item.is_enabled,
            position=self.load.sources.locate(item.at),
            condition=condition,
            output=output,
            extra_fields=extra_fields,
            empty_lists=tuple(filter(self.resolver.is_empty, needed_lists(item.tags))),
        )

    def _tell(self, code: Code, message: str, at: int, hint: str = "", part: str = "") -> None:
        title = f"rule {self.item.name}"
        self.problems.append(Problem(code, message, self.load.sources.locate(at), title, hint, part))

    def _fail(self, error: ConditionError, part: str, code: Code | None = None) -> None:
        self.errors.append(error)
        if not self._is_told(error):
            self._tell(code or _code(error), error.message, error.at, error.hint, part)

    def _is_told(self, error: ConditionError) -> bool:
        """Tell whether an error comes of another, which is told where it stands."""
        lacks_static_fields = self.load.configuration.lacks_static_fields
        return isinstance(error, BrokenMacroError) or (
            lacks_static_fields and isinstance(error, UnknownFieldError) and error.name.startswith(STATIC)
        )

    def check_fields(self) -> None:
        """Hold the fields of exceptions against those that there are, also where nothing is excepted yet."""
        for place, exception in enumerate(self.item.exceptions):
            for text in exception.fields:
                error = _field_error(text, self.load.checker)
                if error is None:
                    continue
                self.broken.add(place)
                if not self._is_told(error):
                    # No UnknownFieldError: here it refuses the rule.
                    error = ConditionError(error.message, error.at, error.hint)
                self._fail(error, f"exception {exception.name}", Code.VALIDATE)

    def _output(self) -> Format | None:
        """Return the rule's output with what is appended to it, each part read by itself."""
        appended = self.load.configuration.appended(self.item)
        parts = [read_output(self.item.output, self.load.checker, is_whole=not appended), *appended]
        for part in parts:
            for at in part.container_info:
                message = f"'{CONTAINER_INFO}' is old, and nothing stands in its place"
                self._tell(Code.DEPRECATED_ITEM, message, at, "leave it out", "output")
            self._tell_old_fields(part.old_fields, "output")
            for error in part.errors:
                self._fail(error, "output", Code.COMPILE_OUTPUT)
        return None if any(part.errors for part in parts) else joined(part.pieces for part in parts)

    def _extra_fields(self) -> tuple[ExtraField, ...]:
        """Return what the configuration adds to the fields of alerts. A field that is not there is never forgiven."""
        extras = self.load.configuration.extra_fields(self.item)
        for extra in extras:
            self._tell_old_fields(extra.old_fields, "extra_fields")
            for error in extra.errors:
                self._fail(ConditionError(error.message, error.at, error.hint), "extra_fields", Code.COMPILE_OUTPUT)
        return tuple(extra.field for extra in extras)

    def _tell_old_fields(self, names: Iterable[tuple[str, int]], part: str) -> None:
        for name, at in names:
            self._tell(Code.DEPRECATED_ITEM, f"'{name}' is old", at, _OLD_HINT, part)

    def _resolved(self) -> list[tuple[Node, str]]:
        """Return the tree of the condition and that of each exception, as far as they can be read, and of what."""
        texts = [(self.item.condition, "condition")]
        for place, exception in enumerate(self.item.exceptions):
            part = f"exception {exception.name}"
            composed = compose(exception) if place not in self.broken else Composed()
            for error in composed.errors:
                self._fail(error, part)
            for value in composed.quoted:
                hint = "spell it in quotes of its own, as a condition does"
                message = f"'{value.value}' is put between quotes: without, it would be no single value"
                self._tell(Code.EXCEPTION_VALUE_QUOTED, message, value.origins[0], hint, part)
            if composed.text is not None:
                texts.append((composed.text, part))
        nodes = []
        for text, part in texts:
            self.resolver.misplaced.clear()
            try:
                resolved = self.resolver.resolve(text)
            except ConditionError as error:
                self._fail(error, part)
            else:
                nodes.append((resolved.node, part))
                for wrong in resolved.errors:
                    self._fail(wrong, part)
            for misplaced, at, _macro in self.resolver.misplaced:
                self._tell(Code.LIST_NAME_AS_TEXT, misplaced.message, at, misplaced.hint, part)
        return nodes

    def _condition(self, nodes: list[tuple[Node, str]]) -> Condition | None:
        """Return that the condition holds, and none of the exceptions."""
        checked: list[Condition] = []
        for node, part in nodes:
            one = self._checked(node, part)
            if one is not None:
                checked.append(one if part == "condition" else Negation(one))
        if self.errors:
            return None
        return checked[0] if len(checked) == 1 else Conjunction(tuple(checked))

    def _checked(self, node: Node, part: str) -> Condition | None:
        report = Report()
        checked = self.load.checker.check(node, report)
        for error in report.errors:
            self._fail(error, part)
            if isinstance(error, UnknownFieldError) and is_old(error.name):
                self._tell(Code.DEPRECATED_ITEM, f"'{error.name}' is old", error.at, _OLD_HINT, part)
        for advice in report.advice:
            self._tell(advice.code, advice.message, advice.at, advice.hint, part)
        return checked


_OLD_HINT: Final = "leave it out: Falco has it no more"


def _code(error: ConditionError) -> Code:
    return Code.VALIDATE if isinstance(error, MacroError | ShapeError) else Code.COMPILE_CONDITION


_NO_FIELD_HINT: Final = "name one field, such as ka.user.name; `auditstream rules fields` lists them"


def _field_error(text: Text, checker: Checker) -> ConditionError | None:
    """Return what is wrong with a field of an exception: it is held against a comparison that any field can bear."""
    at = text.origins[0]
    report = Report()
    try:
        node = parse(Text.join((text, Text.at(f" {EXISTS}", at))))
        if isinstance(node, Check) and node.operator == EXISTS:
            checker.check(node, report)
        else:
            report.errors.append(ConditionError(f"'{text.value}' is no field", at, _NO_FIELD_HINT))
    except ConditionError:
        report.errors.append(ConditionError(f"'{text.value}' is no field", at, _NO_FIELD_HINT))
    return next(iter(report.errors), None)


def _unused(definitions: Definitions, resolver: Resolver, sources: Sources) -> Iterable[Problem]:
    spoken_of = frozenset[str]().union(*definitions.broken.values())
    for name, macro in definitions.macros.items():
        if name not in resolver.used_macros | spoken_of:
            position = sources.locate(macro.item.at)
            yield Problem(Code.UNUSED_MACRO, f"no rule or macro uses the macro '{name}'", position, f"macro {name}")
    for name, named in definitions.lists.items():
        if name not in resolver.used_lists | spoken_of:
            position = sources.locate(named.item.at)
            yield Problem(Code.UNUSED_LIST, f"no rule, macro or list uses the list '{name}'", position, f"list {name}")
