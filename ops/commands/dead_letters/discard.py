"""Delete dead letters, after writing them to a file."""

from pathlib import Path
from typing import Annotated

import typer

from ops.commands.dead_letters.clearing import describe, finish, print_deletion
from ops.commands.dead_letters.selection import Selected, selecting
from ops.commands.group import confirm
from ops.dead_letters import clearing, marks
from ops.terminal import instants, screen


@selecting
def discard(
    selected: Selected,
    *,
    save: Annotated[
        Path | None,
        typer.Option(
            "--save",
            metavar="FILE",
            help="Where to keep the messages, a new file [default: dead-letters-<time>.ndjson].",
        ),
    ] = None,
) -> None:
    """Delete dead letters, after writing them to a file.

    Their files stay in incoming/, unprocessed. Each is marked with a tag, so that `reconcile`
    leaves it out. A file that a replay of its dataset failed on stays in completed/, with its old
    output. Options of different names are combined by and, those of the same name by or.
    """
    account, dead_letters = selected.account, selected.dead_letters
    file = save or Path(f"dead-letters-{instants.now():%Y%m%dT%H%M%SZ}.ndjson")
    if selected.dry_run:
        for one in dead_letters:
            screen.say(f"would write {one.message_id} ({describe(one)}) to {file}")
            for key, version in marks.versions_of(account, one):
                screen.say(f"would mark {key} version {version} as discarded")
            print_deletion(account, one)
    elif dead_letters:
        confirm(f"Delete {len(dead_letters)} dead letters, kept in {file}?", yes=selected.yes)
        with screen.progress("deleting", len(dead_letters)) as progress:
            chosen = {one.message_id for one in dead_letters}
            outcome = clearing.discard(account, chosen, file, progress=progress)
        screen.say(f"written to {file}")
        finish("deleted", outcome)
