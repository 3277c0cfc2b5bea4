"""A rule as its author writes it, for tests that care for one part of it only."""


def rule_text(
    condition: str = "ka.verb = get",
    output: str = "o",
    *,
    name: str = "r",
    source: str = "k8s_audit",
    extra: str = "",
) -> str:
    """Return a rule; `extra` is more lines of it."""
    return (
        f'- rule: {name}\n  desc: d\n  condition: {condition}\n  output: "{output}"\n  priority: debug\n'
        f"  source: {source}\n{extra}"
    )
