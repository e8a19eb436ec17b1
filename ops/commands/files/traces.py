"""Print the timeline of a file, and its links to fixes, as tables or as JSON."""

from collections.abc import Sequence
from dataclasses import asdict

from ops.files.rejects.links import Link
from ops.files.timeline.assembly import Timeline
from ops.terminal import screen
from ops.terminal.instants import precise, shown


def links(fixes: Sequence[Link], fixed_by: Sequence[Link]) -> None:
    """Print what a file corrects, and by what it is corrected."""
    for link in fixes:
        screen.say(f"corrects bad records of {link.of_key} version {link.of_version}")
    if fixed_by:
        screen.table(
            ("corrected by", "state", "sent", "version", "bad records of version"),
            (
                (link.key, _state(link), shown(link.sent), link.version, link.of_version)
                for link in fixed_by
            ),
        )


def links_document(fixes: Sequence[Link], fixed_by: Sequence[Link]) -> dict[str, object]:
    """Return the links as `show --json` prints them."""
    return {
        "fixes": [{"key": link.of_key, "version": link.of_version} for link in fixes],
        "fixed_by": [
            {
                "key": link.key,
                "version": link.version,
                "state": _state(link),
                "sent": shown(link.sent),
                "of_version": link.of_version,
            }
            for link in fixed_by
        ],
    }


def timeline(found: Timeline) -> None:
    """Print a timeline, newest last, and on standard error why lines may be missing."""
    if found.entries:
        screen.table(
            ("time", "event", "what", "source version", "request"),
            (
                (shown(one.time), one.event, one.detail, one.version, one.request_id)
                for one in found.entries
            ),
        )
    if found.problem:
        screen.warn(f"timeline: {found.problem}")


def timeline_document(found: Timeline) -> dict[str, object]:
    """Return a timeline as `show --json` prints it."""
    return {
        "timeline": [{**asdict(one), "time": precise(one.time)} for one in found.entries],
        "timeline_problem": found.problem,
    }


def _state(link: Link) -> str:
    return "completed" if link.completed else "waiting"
