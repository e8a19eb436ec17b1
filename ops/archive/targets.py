"""Bring an archived output to its place, in `restored/` or in a folder, and verify the copy."""

import contextlib
import errno
import filecmp
import os
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote

from handlers import keys
from handlers.bundles.entries import unpack
from ops import aws
from ops.archive import fingerprints, retrievals
from ops.archive.archived_outputs import ArchivedOutput
from ops.archive.fingerprints import Fingerprint
from ops.aws import Account
from ops.files import copies
from ops.terminal.problems import OperatorError

_CONFLICTS: Final = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")
# How a file system says that it has no hard links, as on some sticks.
_WITHOUT_LINKS: Final = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS)
# The longest file name that usual file systems hold.
_NAME_BYTES: Final = 255


class Target(Protocol):
    """Where outputs are brought to."""

    def place(self, output: ArchivedOutput) -> str:
        """Return where an output goes, as shown to a person."""
        ...

    def holds(self, output: ArchivedOutput) -> bool:
        """Return whether an output is there already.

        Raises OperatorError if something else is in its place.
        """
        ...

    def bring(self, output: ArchivedOutput, data: bytes) -> str:
        """Copy an output that can be read, and return by what the copy was verified.

        `data` is what its bundle holds of it, if it is in one. Raises OperatorError if something
        else is in its place, or if the copy is not the output, BundleError if `data` is not,
        OSError, and errors of AWS.
        """
        ...


@dataclass(frozen=True)
class RestoredPrefix:
    """`restored/` in the processed bucket."""

    account: Account

    def place(self, output: ArchivedOutput) -> str:
        """Return the URL of the copy."""
        bucket, key = self._where(output)
        return f"s3://{bucket}/{key}"

    def holds(self, output: ArchivedOutput) -> bool:
        """Return whether the copy stands."""
        return self._proof(output) is not None

    def bring(self, output: ArchivedOutput, data: bytes) -> str:
        """Copy all at once, inside S3 unless it is in a bundle, and never over another object."""
        bucket, key = self._where(output)
        entry = output.entry()
        try:
            if entry:
                copies.store(self.account, unpack(entry, data), entry, bucket, key)
            else:
                copies.duplicate(self.account, self._copy(output, bucket, key))
        except aws.AwsError as error:
            if aws.code(error) not in _CONFLICTS:
                raise
        proof = self._proof(output)
        if proof is None:  # so what failed was the condition on the source, or another copy is made
            msg = "it, or its copy, changed meanwhile: run the command again"
            raise OperatorError(msg)
        return proof

    def _copy(self, output: ArchivedOutput, bucket: str, key: str) -> copies.Copy:
        return copies.Copy(
            source={"Bucket": self.account.stack.archive_bucket_name, "Key": output.key},
            size=output.size,
            bucket=bucket,
            key=key,
            etag=output.etag,
        )

    def _proof(self, output: ArchivedOutput) -> str | None:
        """Return by what the copy is known to be the output, None if there is no copy."""
        bucket, key = self._where(output)
        copied = fingerprints.of_object(self.account.s3, bucket, key)
        if copied is None:
            return None
        original = _original(self.account, output)
        proof = original.proof(copied)
        if proof is None or copied.described != original.described:
            msg = f"s3://{bucket}/{key} is another object, and is kept: delete it, or use --to"
            raise OperatorError(msg)
        return proof

    def _where(self, output: ArchivedOutput) -> tuple[str, str]:
        return self.account.stack.processed_bucket_name, keys.restored_key(output.key)


@dataclass(frozen=True)
class Folder:
    """A folder of this machine."""

    account: Account
    path: Path

    def place(self, output: ArchivedOutput) -> str:
        """Return the path of the file."""
        return str(self._file(output))

    def holds(self, output: ArchivedOutput) -> bool:
        """Return whether the file is there; without a common digest it is downloaded to compare."""
        file = self._file(output)
        if not os.path.lexists(file):
            return False
        original = _original(self.account, output)
        proof = original.proof(fingerprints.of_file(file, original))
        if proof is None:
            raise OperatorError(_taken(file))
        return proof != "size" or not original.size

    def bring(self, output: ArchivedOutput, data: bytes) -> str:
        """Download to a file beside the place, verify it, and give it its name."""
        file, original = self._file(output), _original(self.account, output)
        file.parent.mkdir(parents=True, exist_ok=True)
        with _temporary(file.parent) as part:
            self._fill(part, output, data)
            proof = original.proof(fingerprints.of_file(part, original))
            if proof is None:
                msg = "the downloaded bytes are not those of the archived object: run it again"
                raise OperatorError(msg)
            _sync(part)
            _name(part, file)
        return proof

    def _fill(self, part: Path, output: ArchivedOutput, data: bytes) -> None:
        if entry := output.entry():
            part.write_bytes(unpack(entry, data))
        else:
            bucket = self.account.stack.archive_bucket_name
            self.account.s3.download_file(bucket, output.key, str(part))

    def _file(self, output: ArchivedOutput) -> Path:
        parts = output.key.removeprefix(keys.ARCHIVE).split("/")
        return self.path.joinpath(*map(_file_name, parts))


def _original(account: Account, output: ArchivedOutput) -> Fingerprint:
    if entry := output.entry():
        return fingerprints.of_entry(entry)
    bucket = account.stack.archive_bucket_name
    found = fingerprints.of_object(account.s3, bucket, output.key)
    if found is None:
        raise OperatorError(retrievals.GONE)
    return found


def _file_name(part: str) -> str:
    """Return the name of a file for a part of a key, which may be anything: `..`, or nothing.

    No two parts have one name, since each percent sign is escaped.
    """
    if part in ("", ".", ".."):
        return f"%{part}"
    shown = "".join(
        char if char.isprintable() and char not in "%\\" else quote(char) for char in part
    )
    if len(shown.encode()) <= _NAME_BYTES:
        return shown
    ending = f"~{sha256(part.encode()).hexdigest()}{keys.data_suffix(part)}"
    return shown.encode()[: _NAME_BYTES - len(ending)].decode(errors="ignore") + ending


@contextlib.contextmanager
def _temporary(folder: Path) -> Generator[Path]:
    handle, name = tempfile.mkstemp(prefix=".restore-", dir=folder)
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _name(part: Path, file: Path) -> None:
    """Give a complete file its name, unless another has it: never replace one.

    Raises OperatorError if the other holds other bytes.
    """
    try:
        file.hardlink_to(part)
    except OSError as error:
        if os.path.lexists(file):
            if not filecmp.cmp(file, part, shallow=False):
                raise OperatorError(_taken(file)) from None
        elif error.errno in _WITHOUT_LINKS:
            part.rename(file)
        else:
            raise


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _taken(file: Path) -> str:
    return f"{file} is another file, and is kept: move it away, or choose another folder"
