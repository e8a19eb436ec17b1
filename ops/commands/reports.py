"""Print what the commands found, as tables or as JSON."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict

from ops.dead_letters import listing
from ops.dead_letters.logs import Logs
from ops.dead_letters.messages import DeadLetter, Queue
from ops.files.following import Followed
from ops.files.history import Completed, History
from ops.files.objects import StoredObject
from ops.files.results import Output
from ops.pipeline.status import Pile, QueueState, Status
from ops.terminal import screen
from ops.terminal.instants import age, shown

_BODY_CHARACTERS = 200


def status(found: Status) -> None:
    """Print the pipeline's state, and what needs a person."""
    dead_letters = [
        (f"dead letters, {name}", _queue(state)) for name, state in found.dead_letters.items()
    ]
    rows = [
        ("incoming", _pile(found.incoming)),
        ("processing queue", _queue(found.queue)),
        *dead_letters,
        ("processed, of today's uploads", _pile(found.processed_today)),
        ("completed", _pile(found.completed)),
        ("archived", _pile(found.archived)),
        ("alarms", _alarms(found.alarms)),
    ]
    screen.table(("what", "now"), rows)
    for sentence in found.attention:
        screen.say(f"needs a person: {sentence}")


def status_document(found: Status) -> dict[str, object]:
    """Return the pipeline's state as `status --json` prints it."""
    return {**asdict(found), "attention": list(found.attention)}


def dead_letters(logs: Logs, found: Iterable[tuple[DeadLetter, int]]) -> None:
    """Print dead letters; for one without a reason, print the command that shows its log too."""
    pairs = list(found)
    columns = (
        "sent", "of", "key", "version", "reason", "place", "kind", "attempts", "times", "message",
    )  # fmt: skip
    screen.table(columns, (_dead_letter_row(dead_letter, count) for dead_letter, count in pairs))
    for dead_letter, _ in pairs:
        if dead_letter.event is None:
            body = screen.shortened(dead_letter.body, _BODY_CHARACTERS)
            screen.say(f"body of {dead_letter.message_id}: {body}")
        elif dead_letter.reason is None:
            screen.say(f"why: {logs.command(dead_letter)}")


def in_flight(found: Mapping[Queue, int]) -> None:
    """Warn of dead letters that could not be read, since another reader has them in flight."""
    for queue, count in found.items():
        if count:
            screen.warn(
                f"dead letters of the {queue}, in flight: {count}; another reader holds them, "
                "they can be read when it is done or its time is up (some minutes at most)"
            )


def dead_letter_documents(
    logs: Logs, found: Iterable[tuple[DeadLetter, int]]
) -> list[dict[str, object]]:
    """Return dead letters as `failures --json` prints them."""
    return [
        {
            **listing.document(dead_letter, count=count),
            "logs": logs.command(dead_letter) if dead_letter.reason is None else None,
        }
        for dead_letter, count in found
    ]


def followed(found: Followed) -> None:
    """Print how one upload ended."""
    line = f"{found.state}  {found.uploaded.key}"
    if found.output:
        screen.say(f"{line}  {found.output.key}  {_counts(found.output.counts)}")
    elif found.dead_letter:
        place = f" ({found.dead_letter.place})" if found.dead_letter.place else ""
        screen.say(f"{line}  {screen.shortened(_reason(found.dead_letter))}{place}")
    else:
        screen.say(f"{line}  neither output nor dead letter yet; `show` tells later")


def history(logs: Logs, found: History) -> None:
    """Print the history of a file."""
    screen.say(found.key)
    versions: list[tuple[object, ...]] = [
        *(("waiting", *_stored(item), item.version) for item in found.waiting),
        *(("completed", *_stored(one.stored), one.source_version) for one in found.completed),
    ]
    if versions:
        screen.table(("state", "stored", "size", "version", "source version"), versions)
    if found.outputs:
        screen.table(
            ("output", "where", "size", "records", "source version"),
            (_output_row(output) for output in found.outputs),
        )
    for key, lines in found.rejected.items():
        screen.say(f"rejected, first lines of {key}:")
        for line in lines:
            screen.say(f"  {line}")
    if found.dead_letters:
        dead_letters(logs, ((dead_letter, 1) for dead_letter in found.dead_letters))


def history_document(logs: Logs, found: History) -> dict[str, object]:
    """Return the history of a file as `show --json` prints it."""
    return {
        "key": found.key,
        "waiting": [_stored_document(item) for item in found.waiting],
        "completed": [_completed_document(one) for one in found.completed],
        "outputs": [asdict(output) for output in found.outputs],
        "rejected": found.rejected,
        "dead_letters": dead_letter_documents(
            logs, ((dead_letter, 1) for dead_letter in found.dead_letters)
        ),
    }


def _dead_letter_row(dead_letter: DeadLetter, count: int) -> tuple[object, ...]:
    return (
        shown(dead_letter.sent),
        dead_letter.queue.value,
        dead_letter.key,
        dead_letter.version,
        _reason(dead_letter),
        dead_letter.place,
        dead_letter.kind,
        dead_letter.attempts,
        count,
        dead_letter.message_id,
    )


def _reason(dead_letter: DeadLetter) -> str:
    return (
        dead_letter.reason
        or dead_letter.problem
        or "killed, timed out or not started: see its logs"
    )


def _queue(state: QueueState) -> str:
    oldest = f", the oldest {age(state.oldest_seconds)}" if state.oldest_seconds is not None else ""
    return f"{state.waiting} waiting, {state.in_flight} in flight{oldest}"


def _pile(pile: Pile | None) -> str | None:
    if pile is None:
        return None
    oldest = f", the oldest {age(pile.oldest_seconds)}" if pile.oldest_seconds is not None else ""
    return f"{pile.objects} ({screen.size(pile.size)}){oldest}"


def _alarms(names: tuple[str, ...] | None) -> str:
    if names is None:
        return "unknown: the outputs have no alarm_topic_arn"
    return ", ".join(names) or "none"


def _stored(item: StoredObject) -> tuple[object, ...]:
    return (shown(item.modified), screen.size(item.size), item.version)


def _output_row(output: Output) -> tuple[object, ...]:
    where = "archived" if output.archived else "processed"
    counts = _counts(output.counts)
    return (output.key, where, screen.size(output.size), counts, output.source_version)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counts.items()) or "no counts"


def _stored_document(item: StoredObject) -> dict[str, object]:
    return {**asdict(item), "modified": shown(item.modified)}


def _completed_document(one: Completed) -> dict[str, object]:
    return {**_stored_document(one.stored), "source_version": one.source_version}
