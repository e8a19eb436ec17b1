"""What a command line names, as places in the archive: by keys, by a prefix, or by days."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from handlers import keys
from ops.archive.archived_outputs import ArchivedOutput, Root, look, of_listed
from ops.aws import Account
from ops.files import objects, results, workers
from ops.files.bundles import contents
from ops.files.bundles.contents import ColdBundleError, Wanted
from ops.files.replays import plans
from ops.terminal.problems import OperatorError, UsageError

_LISTINGS_AT_ONCE: Final = 16
_HEADS_AT_ONCE: Final = 16
_DAY_PARTS: Final = 3  # archive/2024/01/15/ lies three folders below archive/
_RANGE: Final = ".."
_FOLDER: Final = re.compile(r"(archive|bundles)/[0-9/]*\Z")


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The places that a command line names, and why some keys name none.

    `cold` are named bundles of which nobody knows what they hold before they are retrieved.
    """

    roots: Sequence[Root]
    problems: Mapping[str, str] = field(default_factory=dict[str, str])
    cold: Sequence[ArchivedOutput] = ()


def of_keys(account: Account, given: Sequence[str]) -> Selection:
    """Return the places of the archived outputs that keys name.

    A key is that of an archived output, its former key in `processed/`, or that of its source in
    `incoming/` or `completed/`, which stands for all archived outputs of the source, or that of a
    bundle, for all outputs in it.

    Raises UsageError that names every key of another kind.
    """
    roots = (keys.ARCHIVE, keys.PROCESSED, keys.INCOMING, keys.COMPLETED, keys.BUNDLES)
    wrong = [key for key in given if not key.startswith(roots)]
    if wrong:
        allowed = f"{', '.join(roots[:-1])} or {roots[-1]}"
        msg = "; ".join(f"the key is {key!r}, allowed: one under {allowed}" for key in wrong)
        raise UsageError(msg)
    found: dict[Root, None] = {}
    problems: dict[str, str] = {}
    cold: list[ArchivedOutput] = []
    for key in given:
        try:
            found |= dict.fromkeys(_roots(account, key))
        except ColdBundleError as error:
            cold.append(of_listed(error.bundle))
        except OperatorError as error:
            problems[key] = str(error)
    return Selection(roots=[*found], problems=problems, cold=cold)


def of_prefix(prefix: str) -> Selection:
    """Return the place of every archived output under a prefix of `archive/` or `processed/`.

    Raises UsageError for any other prefix.
    """
    for root in (keys.ARCHIVE, keys.PROCESSED):
        if prefix.startswith(root):
            archived = keys.ARCHIVE + prefix.removeprefix(root)
            return Selection(roots=[Root(text=archived, exact=False)])
    msg = f"--prefix is {prefix!r}, allowed: one that begins {keys.ARCHIVE} or {keys.PROCESSED}"
    raise UsageError(msg)


def of_days(given: Sequence[str]) -> Selection:
    """Return the places of the archived outputs of days: each `2024-01-15`, or a range.

    Raises UsageError for anything else.
    """
    days = dict.fromkeys(day for text in given for day in _days(text))
    prefixes = [keys.day_prefix(keys.ARCHIVE, day) for day in days]
    return Selection(roots=[Root(text=prefix, exact=False) for prefix in prefixes])


def absence(account: Account, archived: str) -> str:
    """Return why there is no archived output with a key, and where it is if it is not archived."""
    processed = keys.processed_key(archived)
    bucket = account.stack.processed_bucket_name
    if objects.head(account.s3, bucket, processed):
        return f"not archived: it is still s3://{bucket}/{processed}"
    return "not in the archive bucket: it never was, or it expired (expirationDays)"


def _days(text: str) -> Iterator[date]:
    first, separator, last = text.partition(_RANGE)
    try:
        start = date.fromisoformat(first)
        end = date.fromisoformat(last) if separator else start
    except ValueError:
        start, end = date.max, date.min
    if end < start:
        msg = (
            f"--day is {text!r}, allowed: a day as 2024-01-15, or a range as 2024-01-15..2024-02-10"
        )
        raise UsageError(msg)
    yield from (start + timedelta(days=after) for after in range((end - start).days + 1))


def _roots(account: Account, key: str) -> list[Root]:
    if key.startswith(keys.BUNDLES):
        return _of_bundle(account, key)
    return [Root(text=one, exact=True) for one in _archived_keys(account, key)]


def _of_bundle(account: Account, key: str) -> list[Root]:
    """Return the outputs in a bundle, wherever their newest copies are; nothing if it is empty."""
    bundle = contents.exactly(account, key)
    if bundle is None:
        msg = "there is no such bundle in the archive bucket: it never was, or it expired"
        raise OperatorError(msg)
    found = contents.entries(account, bundle, Wanted(beginning=keys.PROCESSED))
    among = frozenset(keys.archive_key(entry.key) for entry in found)
    text = contents.common_beginning(among)
    return [Root(text=text, exact=False, among=among)] if among else []


def _archived_keys(account: Account, key: str) -> list[str]:
    if key.startswith(keys.ARCHIVE):
        return [key]
    if key.startswith(keys.PROCESSED):
        return [keys.ARCHIVE + key.removeprefix(keys.PROCESSED)]
    source = key if key.startswith(keys.INCOMING) else plans.incoming_key(account, key)
    if source is None:
        msg = "its name is shortened and does not tell the file that it came from"
        raise OperatorError(msg)
    found = sorted(_of_source(account, source))
    if not found:
        msg = "it has no archived output"
        raise OperatorError(msg)
    return found


def _of_source(account: Account, source: str) -> Iterator[str]:
    """Yield the keys of all archived outputs of a source, whether or not its copy is kept."""
    days = _archived_days(account)
    prefixes = [Root(text=_common_beginning(source, day), exact=False) for day in days]
    found = look(account, prefixes).outputs
    candidates = [one for key, one in found.items() if _may_be_of(source, key)]

    def named(output: ArchivedOutput) -> str | None:
        bucket = account.stack.archive_bucket_name
        told = output.entry() or objects.head(account.s3, bucket, output.key)
        fits = told and results.named_source(told.metadata, lambda one: one == source)
        return output.key if fits else None

    yield from filter(None, workers.map_unordered(named, candidates, at_once=_HEADS_AT_ONCE))


def _archived_days(account: Account) -> list[date]:
    """Return the days that have a partition in the archive."""
    folders: Iterable[str] = [keys.ARCHIVE, keys.BUNDLES]
    for _ in range(_DAY_PARTS):
        some = workers.map_unordered(
            lambda folder: _folders(account, folder), folders, at_once=_LISTINGS_AT_ONCE
        )
        folders = [folder for listed in some for folder in listed]
    days = {keys.partition_day(f"{keys.PROCESSED}{one.partition('/')[2]}x") for one in folders}
    return sorted(day for day in days if day)


def _folders(account: Account, prefix: str) -> list[str]:
    pages = account.s3.get_paginator("list_objects_v2").paginate(
        Bucket=account.stack.archive_bucket_name, Prefix=prefix, Delimiter="/"
    )
    found = (entry.get("Prefix", "") for page in pages for entry in page.get("CommonPrefixes", []))
    return [folder for folder in found if _FOLDER.match(folder)]


def _common_beginning(source: str, day: date) -> str:
    """Return what the archived keys of all outputs of a source on a day begin with."""
    # The longest ending leaves the least of the name.
    key, ending = keys.output_keys(source, "", day, compressed=True)[-1], ".json.gz"
    digest = keys.source_digest(source, "")
    return keys.ARCHIVE + key.removesuffix(f"-{digest}{ending}").removeprefix(keys.PROCESSED)


def _may_be_of(source: str, archived: str) -> bool:
    """Return whether some version of a source may have an output with an archived key."""
    processed = keys.processed_key(archived)
    day, digest = keys.partition_day(processed), keys.source_digest(source, "")
    if day is None:
        return False
    patterns = (
        re.escape(key).replace(digest, "[0-9a-f]{64}").replace(digest[:8], "[0-9a-f]{8}")
        for key in results.candidates(source, "", day)
    )
    return any(re.fullmatch(pattern, processed, re.DOTALL) for pattern in patterns)
