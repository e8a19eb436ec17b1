"""Print how uploads ended, and the histories of files, as tables or as JSON."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

from ops.commands.dead_letters.reports import dead_letter_documents, dead_letters
from ops.dead_letters.logs import Logs
from ops.files.bundles.listings import Access
from ops.files.following import Followed
from ops.files.history import Completed, History
from ops.files.objects import StoredObject
from ops.files.results import Output
from ops.terminal import screen
from ops.terminal.instants import shown

# How an archived output can be read, unless that is at once.
_STATES: Final = {
    Access.RETRIEVED: "retrieved from GLACIER for some days",
    Access.UNDER_WAY: "being retrieved from GLACIER",
    Access.COLD: "in GLACIER",
}


def followed(found: Followed) -> None:
    """Print how one upload ended."""
    line = f"{found.state}  {found.uploaded.key}"
    if found.output:
        screen.say(f"{line}  {found.output.key}  {_counts(found.output.counts)}")
    elif found.dead_letter:
        place = f" ({found.dead_letter.place})" if found.dead_letter.place else ""
        screen.say(f"{line}  {screen.shortened(found.dead_letter.why)}{place}")
    else:
        screen.say(f"{line}  neither output nor dead letter yet; `show` tells later")


def history(logs: Logs, found: History) -> None:
    """Print the history of a file."""
    screen.say(found.key)
    stored = found.stored
    versions: list[tuple[object, ...]] = [
        *(("waiting", *_stored(item), item.version) for item in stored.waiting),
        *(("completed", *_stored(one.stored), one.source_version) for one in stored.completed),
    ]
    if versions:
        screen.table(("state", "stored", "size", "version", "source version"), versions)
    for bundle, problem in stored.unread_bundles.items():
        screen.warn(f"{bundle}, which may hold an output of it, {problem}")
    if stored.outputs:
        screen.table(
            ("output", "where", "size", "records", "dataset", "source version"),
            (_output_row(output) for output in stored.outputs),
        )
    for key, lines in found.first_lines.items():
        screen.say(f"rejected, first lines of {key}:")
        for line in lines:
            screen.say(f"  {line}")
    if found.dead_letters:
        dead_letters(logs, ((dead_letter, 1) for dead_letter in found.dead_letters))


def history_document(logs: Logs, found: History) -> dict[str, object]:
    """Return the history of a file as `show --json` prints it."""
    stored = found.stored
    return {
        "key": found.key,
        "waiting": [_stored_document(item) for item in stored.waiting],
        "completed": [_completed_document(one) for one in stored.completed],
        "outputs": [_output_document(output) for output in stored.outputs],
        "unread_bundles": dict(stored.unread_bundles),
        "rejected": found.first_lines,
        "dead_letters": dead_letter_documents(
            logs, ((dead_letter, 1) for dead_letter in found.dead_letters)
        ),
    }


def _stored(item: StoredObject) -> tuple[object, ...]:
    return (shown(item.modified), screen.size(item.size), item.version)


def _output_row(output: Output) -> tuple[object, ...]:
    where = _where(output)
    where += f", restored to {output.restored_key}" if output.restored_key else ""
    where += f", as it was before a replay in {output.older_in}" if output.older_in else ""
    counts = _counts(output.counts)
    dataset = output.dataset and f"{output.dataset} {output.dataset_version}"
    return (output.key, where, screen.size(output.size), counts, dataset, output.source_version)


def _where(output: Output) -> str:
    if not output.archived:
        return "processed"
    where = f"in {output.bundle} at byte {output.offset}" if output.bundle else "archived"
    state = _STATES.get(output.access) if output.access else None
    return f"{where}, {state}" if state else where


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counts.items()) or "no counts"


def _output_document(output: Output) -> dict[str, object]:
    return {**asdict(output), "modified": shown(output.modified)}


def _stored_document(item: StoredObject) -> dict[str, object]:
    return {**asdict(item), "modified": shown(item.modified)}


def _completed_document(one: Completed) -> dict[str, object]:
    return {**_stored_document(one.stored), "source_version": one.source_version}
