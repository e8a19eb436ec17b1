"""Put the timeline of a file together from its history, its fixes and its log lines."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ops.aws import Account
from ops.dead_letters.logs import Logs
from ops.files.history import History
from ops.files.rejects.links import Link
from ops.files.timeline import entries, log_lines
from ops.files.timeline.entries import Entry
from ops.files.timeline.log_lines import Search

# How long a message can wait, by default: where nothing tells when a version was uploaded.
_WAITING: Final = timedelta(days=18)
# Each version is one search; of more, the newest are searched for.
_SEARCHES: Final = 20


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """What happened to a file, oldest first, and why log lines may be missing, if they may."""

    entries: list[Entry]
    problem: str | None


def assemble(
    account: Account,
    logs: Logs | None,
    found: History,
    fixes: Iterable[Link],
    *,
    now: datetime,
) -> Timeline:
    """Return the timeline of a file; without `logs`, from what is stored alone."""
    if not logs:
        return Timeline(entries=entries.entries(found, fixes, ()), problem=None)
    searches = list(_searches(account, found, now))
    told = log_lines.search(account, logs, searches[:_SEARCHES])
    problem = told.problem
    if len(searches) > _SEARCHES and not problem:
        problem = "the log lines of the newest versions are searched for alone"
    versions = entries.versions_of(found)
    if versions and not problem and not any(line.text("version") for line in told.lines):
        problem = (
            "no log line names its versions: they are not processed yet, or the lines are older "
            "than logRetentionDays, or logLevel leaves them out"
        )
    return Timeline(entries=entries.entries(found, fixes, told.lines), problem=problem)


def _searches(account: Account, found: History, now: datetime) -> Iterator[Search]:
    for version, since, done in _spans(found):
        begin, end = log_lines.around(since, done, now=now)
        yield Search(
            function_arn=account.stack.data_processor_lambda_arn,
            phrases=(version,),
            begin=begin,
            end=end,
        )
    yield from _searches_of_replays(account, found)
    for output in found.stored.outputs:
        key = output.processed_key
        begin = output.modified - entries.LONGEST_RUN
        end = output.modified + entries.LONGEST_RUN if output.archived else now
        if output.archived or now - output.modified > timedelta(days=1):  # the shortest retention
            yield Search(
                function_arn=account.stack.data_archiver_lambda_arn,
                phrases=(key, "archived_count") if output.archived else (key,),
                begin=begin,
                end=end,
            )


def _searches_of_replays(account: Account, found: History) -> Iterator[Search]:
    """Yield a search for each output that was stored again after its file was completed."""
    made = {output.source_version: output for output in found.stored.outputs}
    for one in found.stored.completed:
        output = made.get(one.source_version or "")
        # Archived ones were copied later, too; only those of a dataset may have been replaced.
        may_be = output and (output.dataset or not output.archived)
        if output and may_be and output.modified > one.stored.modified:
            yield Search(
                function_arn=account.stack.data_processor_lambda_arn,
                phrases=(one.stored.version,),
                begin=output.modified - entries.LONGEST_RUN,
                end=output.modified + entries.LONGEST_RUN,
            )


def _spans(found: History) -> Iterator[tuple[str, datetime, datetime | None]]:
    """Yield each version of a file, since when, and until when it was worked on if that is over."""
    seen: set[str] = set()
    for item in found.stored.waiting:
        seen.add(item.version)
        yield item.version, item.modified, None
    for one in found.stored.completed:
        if one.source_version and one.source_version not in seen:
            seen.add(one.source_version)
            done = one.stored.modified
            yield one.source_version, one.uploaded or done - _WAITING, done
    for dead_letter in found.dead_letters:
        version = dead_letter.version
        if version and version not in seen:
            seen.add(version)
            yield version, dead_letter.sent - _WAITING, dead_letter.sent
