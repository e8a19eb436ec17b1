"""Find the log lines about the versions of a file in the log groups of both functions."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, Final, cast

from ops import aws
from ops.aws import Account
from ops.dead_letters.logs import PATTERN_CHARACTERS, Logs

# Clocks differ, and S3 dates an object to the second.
_MARGIN: Final = timedelta(minutes=1)
# Without an end: a message that comes again, 15 minutes at most behind the last attempt.
_AFTERWARDS: Final = timedelta(minutes=30)
# One page is up to 1 MB or 10,000 lines; AWS ends some early, even empty. A person waits for it.
_PAGES: Final = 50
_SECONDS: Final = 20.0


@dataclass(frozen=True, kw_only=True)
class Search:
    """What to look for in a function's log, and in which time: lines with any of the phrases."""

    function_arn: str
    phrases: tuple[str, ...]
    begin: datetime
    end: datetime


@dataclass(frozen=True, kw_only=True)
class Line:
    """A structured log line of a function."""

    time: datetime
    function_arn: str
    fields: Mapping[str, Any]

    @property
    def message(self) -> str:
        """What the line says happened."""
        return self.text("message") or ""

    @property
    def request_id(self) -> str | None:
        """The invocation that wrote it."""
        return self.text("function_request_id")

    def text(self, name: str) -> str | None:
        """Return a field's text, or None."""
        value = self.fields.get(name)
        return value if isinstance(value, str) and value else None

    def number(self, name: str) -> int | None:
        """Return a field's number, or None."""
        value = self.fields.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None


@dataclass(frozen=True, kw_only=True)
class Found:
    """The lines of some searches, and why there may be more, if that is so."""

    lines: list[Line] = field(default_factory=list[Line])
    problem: str | None = None


def search(account: Account, logs: Logs, searches: Iterable[Search]) -> Found:
    """Return the log lines that any search finds; a problem ends the search, and is told.

    A search that has no pattern is left out, and told too: it would read the whole log group.
    """
    lines: list[Line] = []
    problem: str | None = None
    end = monotonic() + _SECONDS
    try:
        for one in searches:
            if not pattern(one.phrases):
                problem = f"{one.phrases[-1]} is too long to be searched for in the logs"
                continue
            for page in _pages(account, logs, one):
                lines += page
                if monotonic() > end:
                    return Found(lines=lines, problem=_too_large(logs, one))
    except _TooManyPagesError as error:
        return Found(lines=lines, problem=_too_large(logs, error.search))
    except aws.AwsError as error:
        return Found(lines=lines, problem=f"the logs cannot be read: {aws.explain(error)}")
    return Found(lines=lines, problem=problem)


def around(begin: datetime, end: datetime | None, *, now: datetime) -> tuple[datetime, datetime]:
    """Return the time to search in for what began and ended then, or still goes on."""
    return begin - _MARGIN, min(now, end + _AFTERWARDS) if end else now


def parse(event: Mapping[str, Any], function_arn: str) -> Line | None:
    """Return the line in an event of CloudWatch Logs, or None if it is no JSON object. Pure."""
    try:
        told: Any = json.loads(event.get("message", ""))
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    time = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
    return Line(time=time, function_arn=function_arn, fields=cast("dict[str, Any]", told))


def pattern(phrases: Iterable[str]) -> str:
    """Return the filter pattern for lines with any of the phrases that there is room for. Pure.

    It is "" if there is room for none.

    A log line has a phrase as JSON writes it. With several phrases, `?` makes any of them do:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html.
    """
    terms = [json.dumps(_in_json(phrase), ensure_ascii=False) for phrase in phrases]
    while len(terms) > 1 and len(" ?".join(terms)) + 1 > PATTERN_CHARACTERS:
        terms.pop(0)
    (first, *more) = terms
    if not more:
        return first if len(first) <= PATTERN_CHARACTERS else ""
    return " ".join(f"?{term}" for term in terms)


class _TooManyPagesError(Exception):
    def __init__(self, search: Search) -> None:
        super().__init__()
        self.search = search


def _pages(account: Account, logs: Logs, one: Search) -> Iterator[list[Line]]:
    pages = account.logs.get_paginator("filter_log_events").paginate(
        logGroupName=logs.group(one.function_arn),
        startTime=int(one.begin.timestamp() * 1000),
        endTime=int(one.end.timestamp() * 1000),
        filterPattern=pattern(one.phrases),
    )
    for number, page in enumerate(pages, 1):
        parsed = (parse(event, one.function_arn) for event in page.get("events", []))
        yield [line for line in parsed if line]
        if number == _PAGES and page.get("nextToken"):
            raise _TooManyPagesError(one)


def _too_large(logs: Logs, one: Search) -> str:
    return (
        f"the log group {logs.group(one.function_arn)} is too large to be searched whole here, "
        "so some lines may be missing"
    )


def _in_json(phrase: str) -> str:
    return json.dumps(phrase, ensure_ascii=False)[1:-1]
