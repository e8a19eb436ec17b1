"""The entries of a file's timeline, from what is stored of it and from log lines. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from handlers import keys
from ops.dead_letters.messages import DeadLetter
from ops.files.history import History, Stored
from ops.files.objects import Head
from ops.files.rejects.links import Link
from ops.files.results import Output, counts
from ops.files.timeline.log_lines import Line

# S3 dates an object to the second: what is in the same second is ordered as it happens.
_ORDER: Final = (
    "uploaded", "received", "attempt begun", "put off", "attempt failed", "continued", "rejected",
    "output", "completed", "already done", "processed again", "failed", "dead letter",
    "not archived", "archived", "fix sent",
)  # fmt: skip
# What the data processor says of a file: message of the log line, event of the timeline.
_EVENTS: Final = {
    "attempt begun": "attempt begun",
    "put off": "put off",
    "attempt failed": "attempt failed",
    "continued": "continued",
    "failed": "failed",
    "processed again": "processed again",
}
_PROCESSED: Final = "processed"
_REPLAYED: Final = "processed again"
# What the archiver says of a run, and of an output that it could not move.
RUN: Final = "archived"
NOT_ARCHIVED: Final = (
    "not archived", "not deleted, the next run looks again", "copy is not seen as it was made",
)  # fmt: skip
# A run of the archiver reports at its end, at most 15 minutes behind a copy.
LONGEST_RUN: Final = timedelta(minutes=15)
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Something that happened to a version of a file; `request_id` is the invocation's, if any."""

    time: datetime
    event: str
    version: str | None
    detail: str = ""
    request_id: str | None = None


def entries(found: History, fixes: Iterable[Link], lines: Iterable[Line]) -> list[Entry]:
    """Return what happened to a file, oldest first.

    `fixes` are those of the file, `lines` the log lines that were found about its versions; lines
    about others are left out.
    """
    versions = versions_of(found)
    lines = list(lines)
    # The key too: without versioning, the version of every file is `null`.
    own = [
        line for line in lines if line.text("key") == found.key and line.text("version") in versions
    ]
    sources = {one.stored.version: one.source_version for one in found.stored.completed}
    again = list(_replays(found.stored, sources, lines))
    runs = [line for line in lines if line.message == RUN]
    unmoved = [line for line in lines if line.message in NOT_ARCHIVED]
    made = [
        *_stored(found.stored, own, again),
        *_received(own),
        *_attempts(own),
        *_attempts(again),
        *(_dead_letter(one, sources) for one in found.dead_letters),
        *_archived(found.stored.outputs, again, runs, unmoved),
        *map(_fix, fixes),
    ]
    return sorted(made, key=_order)


def versions_of(found: History) -> set[str]:
    """Return the source versions that anything of a file names."""
    stored = found.stored
    named = {item.version for item in stored.waiting}
    named |= {one.source_version or "" for one in stored.completed}
    named |= {
        source.version or ""
        for dead_letter in found.dead_letters
        for source in dead_letter.sources
        if source.key == found.key
    }
    return named - {""}


def _replays(
    stored: Stored, sources: Mapping[str, str | None], lines: Iterable[Line]
) -> Iterator[Line]:
    """Yield what the processor says of a completed version, as if it named the source version."""
    for line in lines:
        source = sources.get(line.text("version") or "")
        if source and line.text("key") == keys.completed_key(stored.key):
            yield replace(line, fields={**line.fields, "version": source})


def _order(entry: Entry) -> tuple[datetime, int, datetime]:
    return entry.time.replace(microsecond=0), _ORDER.index(entry.event), entry.time


def _stored(stored: Stored, lines: list[Line], again: list[Line]) -> Iterator[Entry]:
    """Yield what the objects tell; the line about the delivery adds which invocation made them.

    Output and rejects may be those of a replay: then a line of `again` does.
    """
    delivered = {
        line.text("version"): line
        for line in lines
        if line.message == _PROCESSED and not line.fields.get("repeated")
    }

    def made(time: datetime, event: str, version: str | None, detail: str) -> Entry:
        replayed = None if event == "completed" else _replay_of(version, time, again)
        line = replayed or delivered.get(version)
        request = line.request_id if line else None
        return Entry(time=time, event=event, version=version, detail=detail, request_id=request)

    for item in stored.waiting:
        yield Entry(time=item.modified, event="uploaded", version=item.version, detail=item.key)
    for one in stored.completed:
        version = one.source_version
        if one.uploaded:
            yield Entry(time=one.uploaded, event="uploaded", version=version, detail=stored.key)
        yield made(one.stored.modified, "completed", version, one.stored.key)
    for head in stored.rejected:
        version = head.metadata.get(keys.SOURCE_VERSION)
        yield made(head.modified, "rejected", version, _rejected(head))
    yield from _outputs(stored.outputs, delivered, made)


def _outputs(
    outputs: Iterable[Output],
    delivered: Mapping[str | None, Line],
    made: Callable[[datetime, str, str | None, str], Entry],
) -> Iterator[Entry]:
    """Yield when each output was stored. A log line alone tells it of one that is archived."""
    for output in outputs:
        line = delivered.get(output.source_version)
        told = ", ".join(f"{number} {name}" for name, number in output.counts.items())
        key = output.processed_key
        detail = f"{key} ({told})" if told else key
        if not output.archived:
            yield made(output.modified, "output", output.source_version, detail)
        elif line:
            yield Entry(
                time=line.time,
                event="output",
                version=output.source_version,
                detail=detail,
                request_id=line.request_id,
            )


def _replay_of(version: str | None, stored: datetime, again: Iterable[Line]) -> Line | None:
    """Return the line of the replay that stored an object of a version at a time, or None."""
    behind = [
        line
        for line in again
        if line.text("version") == version
        and line.message == _REPLAYED
        and not line.fields.get("repeated")
        and stored - _SECOND <= line.time <= stored + LONGEST_RUN
    ]
    return min(behind, key=lambda line: line.time, default=None)


def _rejected(head: Head) -> str:
    number = counts(head.metadata).get("rejected")
    return f"{head.key} ({number} records)" if number else head.key


def _received(lines: Iterable[Line]) -> Iterator[Entry]:
    """Yield when the first message about each version was received; each line says so."""
    first: dict[str | None, Entry] = {}
    for line in lines:
        try:
            time = datetime.fromisoformat(line.text("received") or "")
        except ValueError:
            continue
        version, request = line.text("version"), line.request_id
        entry = Entry(time=time, event="received", version=version)
        if line.number("attempt") in (0, 1):
            entry = replace(entry, request_id=request)
        if version not in first or time < first[version].time:
            first[version] = entry
    yield from first.values()


def _attempts(lines: Iterable[Line]) -> Iterator[Entry]:
    for line in lines:
        event = _EVENTS.get(line.message)
        if line.message == _PROCESSED and line.fields.get("repeated"):
            event = "already done"
        if event:
            yield Entry(
                time=line.time,
                event=event,
                version=line.text("version"),
                detail=_told(line),
                request_id=line.request_id,
            )


def _told(line: Line) -> str:
    """Return what a line says of an attempt: which it is, why and where it failed."""
    number, offset = line.number("attempt"), line.number("offset")
    parts = [
        f"attempt {number}" if number else None,
        line.text("reason"),
        line.text("place"),
        None if offset is None else f"up to byte {offset}",
        line.text("output_key"),
    ]
    return ", ".join(part for part in parts if part)


def _dead_letter(dead_letter: DeadLetter, sources: Mapping[str, str | None]) -> Entry:
    """Return a dead letter; `sources` are the source versions of completed ones, which it names."""
    reason = dead_letter.reason or dead_letter.problem or "killed, timed out or not started"
    told = f"{reason}, {dead_letter.place}" if dead_letter.place else reason
    return Entry(
        time=dead_letter.sent,
        event="dead letter",
        version=sources.get(dead_letter.version or "") or dead_letter.version,
        detail=f"{told}; message {dead_letter.message_id}",
    )


def _archived(
    outputs: Iterable[Output], again: list[Line], runs: list[Line], unmoved: Iterable[Line]
) -> Iterator[Entry]:
    """Yield when outputs were archived, or replaced there since, and why they could not be."""
    for output in outputs:
        for line in unmoved:
            if line.text("key") == output.processed_key:
                yield Entry(
                    time=line.time,
                    event="not archived",
                    version=output.source_version,
                    detail=line.text("reason") or line.message,
                    request_id=line.request_id,
                )
        if output.archived:
            replay = _replay_of(output.source_version, output.modified, again)
            yield Entry(
                time=output.modified,
                event="output" if replay else "archived",
                version=output.source_version,
                detail=f"{output.bundle} at byte {output.offset}" if output.bundle else output.key,
                request_id=replay.request_id if replay else _run_of(output, runs),
            )


def _run_of(output: Output, runs: list[Line]) -> str | None:
    """Return the run that made an archived copy: the first that reported behind it.

    Of several chains side by side, the one that has the key, unless its day is split otherwise.
    """
    behind = [
        line
        for line in runs
        if output.modified - _SECOND <= line.time <= output.modified + LONGEST_RUN
    ]

    def rank(line: Line) -> tuple[bool, datetime]:
        return not _has(line, output.processed_key), line.time

    first = min(behind, key=rank, default=None)
    return first.request_id if first else None


def _has(run: Line, processed: str) -> bool:
    shard, chains = run.number("shard"), run.number("chains")
    return shard is None or not chains or shard % chains == keys.shard_of(processed, chains)


def _fix(link: Link) -> Entry:
    return Entry(time=link.sent, event="fix sent", version=link.of_version, detail=link.key)
