"""Turn an archive of a Pulumi program into the zip file that would be uploaded."""

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

import pulumi

# The earliest date that a zip can hold, so that equal files give equal bytes.
_TIMESTAMP: Final = (1980, 1, 1, 0, 0, 0)
_REGULAR_FILE: Final = 0o100644 << 16


class ArchiveError(Exception):
    """An archive names what is not there, or what cannot be had on this machine."""


def write_archive(archive: pulumi.Archive, root: Path, target: Path) -> Path:
    """Write the archive's zip to `target` and return it: equal files give equal bytes.

    Relative paths start at `root`, the project's folder. A ready-made zip is taken as it is.
    Raises ArchiveError for a path that is missing and for what would have to be downloaded.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(archive, pulumi.FileArchive) and (ready := root / archive.path).is_file():
        shutil.copyfile(ready, target)
        return target
    files = dict(_files(archive, root))
    with zipfile.ZipFile(target, "w") as opened:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _TIMESTAMP)
            entry.external_attr = _REGULAR_FILE
            entry.compress_type = zipfile.ZIP_DEFLATED
            opened.writestr(entry, files[name])
    return target


def _files(archive: pulumi.Archive, root: Path) -> Iterator[tuple[str, bytes]]:
    if isinstance(archive, pulumi.AssetArchive):
        for name, part in archive.assets.items():
            if isinstance(part, pulumi.Archive):
                for inner, content in _files(part, root):
                    yield str(PurePosixPath(name) / inner), content
            else:
                yield str(PurePosixPath(name)), _content(part, root)
    elif isinstance(archive, pulumi.FileArchive):
        folder = root / archive.path
        if not folder.is_dir():
            msg = f"archive {folder} is missing, allowed: a folder or a zip"
            raise ArchiveError(msg)
        for path in folder.rglob("*"):
            if path.is_file():
                yield path.relative_to(folder).as_posix(), path.read_bytes()
    else:
        msg = f"archive of type {type(archive).__name__}, allowed: FileArchive, AssetArchive"
        raise ArchiveError(msg)


def _content(asset: pulumi.Asset, root: Path) -> bytes:
    if isinstance(asset, pulumi.StringAsset):
        return asset.text.encode()
    if isinstance(asset, pulumi.FileAsset):
        path = root / asset.path
        if path.is_file():
            return path.read_bytes()
        msg = f"asset {path} is missing, allowed: a file"
        raise ArchiveError(msg)
    msg = f"asset of type {type(asset).__name__}, allowed: FileAsset, StringAsset"
    raise ArchiveError(msg)
