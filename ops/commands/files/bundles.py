"""Print what a bundle holds, as a table or as JSON."""

from handlers import keys
from handlers.bundles.entries import Entry
from ops.aws import Account
from ops.files.bundles import contents
from ops.files.bundles.contents import Wanted
from ops.terminal import screen
from ops.terminal.instants import shown
from ops.terminal.problems import OperatorError


def show(account: Account, key: str, *, as_json: bool) -> None:
    """Print each output in the bundle with a key, in the order of their keys.

    Raises OperatorError if there is no such bundle, or if it cannot be read.
    """
    with screen.working("looking"):
        bundle = contents.exactly(account, key)
        if bundle is None:
            msg = f"there is no bundle {key} in {account.stack.archive_bucket_name}"
            raise OperatorError(msg)
        try:
            entries = [*contents.entries(account, bundle, Wanted(beginning=keys.PROCESSED))]
        except OperatorError as error:
            msg = f"{key} {error}"
            raise OperatorError(msg) from None
    if as_json:
        head = {
            "bundle": key,
            "size": bundle.size,
            "modified": shown(bundle.modified),
            "access": bundle.access,
        }
        screen.documents(head, "outputs", map(_document, entries))
        return
    screen.say(
        f"{key}  {len(entries):,} outputs, {screen.size(bundle.size)}, stored"
        f" {shown(bundle.modified)}, can be read {bundle.access}"
    )
    columns = ("output", "size", "stored", "dataset", "offset", "length")
    screen.table(columns, map(_row, entries))


def _row(entry: Entry) -> tuple[object, ...]:
    dataset = entry.metadata.get(keys.DATASET)
    size, stored = screen.size(entry.size), shown(entry.modified)
    return (entry.key, size, stored, dataset, entry.offset, entry.length)


def _document(entry: Entry) -> dict[str, object]:
    return {
        "key": entry.key,
        "size": entry.size,
        "etag": entry.etag,
        "modified": shown(entry.modified),
        "source_key": keys.decode_value(entry.metadata.get(keys.SOURCE_KEY, "")),
        "source_version": entry.metadata.get(keys.SOURCE_VERSION),
        "dataset": entry.metadata.get(keys.DATASET),
        "offset": entry.offset,
        "length": entry.length,
    }
