"""The table of controls in docs/controls.md: what each is, and what it finds on the four graphs."""

from types import ModuleType

from policy.control import Control
from policy.controls import CONTROLS, SUBJECTS, of_subject
from tests.policy import graphs

_HEAD = f"| id | control | the same elsewhere | {' | '.join(graphs.NAMES)} | result |"
_RULE = f"|---|---|---|{':-:|' * len(graphs.NAMES)}---|"


def controls() -> str:
    """Return a heading and a table for each subject."""
    counted = {
        "pass on every stack": sum(it.enforced for it in CONTROLS),
        "pass with an option": sum(it.option is not None for it in CONTROLS),
        "are waived, with the reason": sum(it.waiver is not None for it in CONTROLS),
    }
    sums = ", ".join(f"{count} {what}" for what, count in counted.items())
    tables = [_subject(module) for module in SUBJECTS]
    return "\n\n".join([f"{len(CONTROLS)} controls: {sums}.", *tables])


def _subject(module: ModuleType) -> str:
    assert module.__doc__
    named = module.__doc__.removeprefix("Controls of ").rstrip(".\n")
    rows = [_row(it) for it in of_subject(module)]
    return "\n".join([f"### {named[0].upper()}{named[1:]}", "", _HEAD, _RULE, *rows])


def _row(it: Control) -> str:
    found = " | ".join(_found(it, name) for name in graphs.NAMES)
    return f"| {it.id} | {it.title} | {', '.join(it.also) or '–'} | {found} | {_result(it)} |"


def _found(it: Control, name: str) -> str:
    graph = graphs.graph(name)
    if not it.applies_to(graph):
        return "–"
    return "✗" if it.violations(graph) else "✓"


def _result(it: Control) -> str:
    if it.option:
        return f"option `{it.option}`"
    return f"waived: {it.waiver}" if it.waiver else "pass"
