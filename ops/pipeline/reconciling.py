"""Send files that are left in `incoming/` to be processed again, by a run of the processor."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from handlers import keys
from ops.aws import Account
from ops.pipeline.invocation import Answer, invoke
from ops.terminal.problems import OperatorError, UsageError

COUNTS: Final = (
    "looked_at",
    "sent",
    "dead_letters",
    "discarded",
    "under_way",
    "held",
    "failed",
)


@dataclass(frozen=True, kw_only=True)
class Round:
    """The answer of one invocation: its counts, the files sent, and what held others back."""

    counts: Mapping[str, int]
    files: tuple[tuple[str, str], ...]  # key and version
    notes: tuple[str, ...]


def request(*, prefix: str | None, discarded: bool, dry_run: bool) -> dict[str, Any]:
    """Return the event that asks the processor for a run.

    Raises UsageError for a prefix in another place.
    """
    if prefix is not None and not prefix.startswith(keys.INCOMING):
        msg = f"--prefix is {prefix!r}, allowed: one that begins {keys.INCOMING}"
        raise UsageError(msg)
    fields: dict[str, Any] = {"discarded": discarded, "dry_run": dry_run}
    return {"reconcile": fields | ({"prefix": prefix} if prefix else {})}


def run(account: Account, event: Mapping[str, object]) -> Iterator[Round]:
    """Run the processor until it has looked at every version; yield what each invocation did.

    Raises OperatorError with the function's own error if it fails.
    """
    following: Mapping[str, object] | None = event
    while following:
        answer = invoke(
            account,
            account.stack.data_processor_lambda_arn,
            following,
            name="the processor",
        )
        yield _round(answer)
        following = cast("Mapping[str, object] | None", answer["next"])


def _round(answer: Answer) -> Round:
    found: Mapping[str, Any] = answer
    if "looked_at" not in found:
        msg = "the processor of this stack cannot reconcile yet: deploy this version first"
        raise OperatorError(msg)
    return Round(
        counts={name: int(found[name]) for name in COUNTS},
        files=tuple((one["key"], one["version"]) for one in found["files"]),
        notes=tuple(found["notes"]),
    )
