"""What the commands found, as tables and as JSON."""

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
    letters = [
        (f"dead letters, {name}", _queue(state)) for name, state in found.dead_letters.items()
    ]
    rows = [
        ("incoming", _pile(found.incoming)),
        ("processing queue", _queue(found.queue)),
        *letters,
        ("processed, of today's uploads", _pile(found.processed_today)),
        ("completed", _pile(found.completed)),
        ("archived", _pile(found.archived)),
        ("alarms", _alarms(found.alarms)),
    ]
    screen.table(("what", "now"), rows)
    for sentence in found.attention:
        screen.say(f"needs a person: {sentence}")


def status_document(found: Status) -> dict[str, object]:
    """Return the state as `status --json` prints it."""
    return {**asdict(found), "attention": list(found.attention)}


def letters(logs: Logs, found: Iterable[tuple[DeadLetter, int]]) -> None:
    """Print dead letters, and below them where to look for what no reason tells."""
    pairs = list(found)
    columns = (
        "sent", "of", "key", "version", "reason", "place", "kind", "attempts", "times", "message",
    )  # fmt: skip
    screen.table(columns, (_letter_row(letter, count) for letter, count in pairs))
    for letter, _ in pairs:
        if letter.event is None:
            body = screen.shortened(letter.body, _BODY_CHARACTERS)
            screen.say(f"body of {letter.message}: {body}")
        elif letter.reason is None:
            screen.say(f"why: {logs.command(letter)}")


def held(found: Mapping[Queue, int]) -> None:
    """Say, beside the results, how many dead letters another reader holds: they cannot be read."""
    for queue, count in found.items():
        if count:
            screen.warn(
                f"dead letters of the {queue}, in flight: {count}; another reader holds them, "
                "they can be read when it is done or its time is up (some minutes at most)"
            )


def letter_documents(
    logs: Logs, found: Iterable[tuple[DeadLetter, int]]
) -> list[dict[str, object]]:
    """Return dead letters as `failures --json` prints them."""
    return [
        {
            **listing.described(letter, count=count),
            "logs": logs.command(letter) if letter.reason is None else None,
        }
        for letter, count in found
    ]


def followed(found: Followed) -> None:
    """Print how one upload ended."""
    line = f"{found.state}  {found.uploaded.key}"
    if found.output:
        screen.say(f"{line}  {found.output.key}  {_counts(found.output.counts)}")
    elif found.letter:
        place = f" ({found.letter.place})" if found.letter.place else ""
        screen.say(f"{line}  {screen.shortened(_reason(found.letter))}{place}")
    else:
        screen.say(f"{line}  neither output nor dead letter yet; `show` tells later")


def history(logs: Logs, found: History) -> None:
    """Print the traces of a file."""
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
    if found.letters:
        letters(logs, ((letter, 1) for letter in found.letters))


def history_document(logs: Logs, found: History) -> dict[str, object]:
    """Return the traces as `show --json` prints them."""
    return {
        "key": found.key,
        "waiting": [_stored_document(item) for item in found.waiting],
        "completed": [_completed_document(one) for one in found.completed],
        "outputs": [asdict(output) for output in found.outputs],
        "rejected": found.rejected,
        "dead_letters": letter_documents(logs, ((letter, 1) for letter in found.letters)),
    }


def _letter_row(letter: DeadLetter, count: int) -> tuple[object, ...]:
    return (
        shown(letter.sent),
        letter.queue.value,
        letter.key,
        letter.version,
        _reason(letter),
        letter.place,
        letter.kind,
        letter.attempts,
        count,
        letter.message,
    )


def _reason(letter: DeadLetter) -> str:
    return letter.reason or letter.problem or "killed, timed out or not started: see its logs"


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
