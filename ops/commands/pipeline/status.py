"""Show the state of the pipeline, as a table or as JSON."""

from dataclasses import asdict
from typing import Annotated

import typer

from ops.commands.group import connect
from ops.commands.options import AsJson, OutputsFile, StackName
from ops.pipeline import status as states
from ops.pipeline.polling import Polling
from ops.pipeline.status import Pile, QueueState, Status
from ops.terminal import instants, screen
from ops.terminal.instants import age


def status(
    *,
    stack: StackName = None,
    outputs: OutputsFile = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick", help="Do not count completed and archived objects, nor look at costs."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what is waiting, what failed, what is done, and which alarms are on.

    Exits with 1 if something needs a person: a dead letter, an alarm, or a pipeline that is paused.
    A note says which setting loses money at the load of the last 14 days.
    """
    account = connect(stack, outputs)
    with screen.working("counting"):
        found = states.collect(account, instants.now(), quick=quick)
    if as_json:
        screen.document(_document(found))
    else:
        _print(found)
    if found.attention:
        raise typer.Exit(1)


def _print(found: Status) -> None:
    """Print the pipeline's state, and what needs a person."""
    dead_letters = [
        (f"dead letters, {name}", _queue(state)) for name, state in found.dead_letters.items()
    ]
    rows = [
        ("incoming", _pile(found.incoming)),
        ("processing queue", _queue(found.queue)),
        ("polled by Lambda", _polling(found.polling)),
        *dead_letters,
        ("processed, of today's uploads", _pile(found.processed_today)),
        ("completed", _pile(found.completed)),
        ("archived", _pile(found.archived)),
        ("alarms", _alarms(found.alarms)),
    ]
    screen.table(("what", "now"), rows)
    for sentence in found.attention:
        screen.say(f"needs a person: {sentence}")
    for sentence in found.notes:
        screen.say(f"note: {sentence}")


def _document(found: Status) -> dict[str, object]:
    """Return the pipeline's state as `status --json` prints it."""
    polling = found.polling
    told = polling and {
        "state": polling.state,
        "paused_since": instants.shown(polling.changed) if polling.paused else None,
        "retention_seconds": polling.retention_seconds,
    }
    return {**asdict(found), "polling": told, "attention": list(found.attention)}


def _polling(polling: Polling | None) -> str:
    if polling is None:
        return "no: there is no event source mapping"
    since = f", paused since {instants.shown(polling.changed)}" if polling.paused else ""
    return f"{polling.state}{since}"


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
