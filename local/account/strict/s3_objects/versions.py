"""List the versions of a bucket's objects, the one stored last first.

moto sorts them by date, so that two versions of one instant change places, and copies the bytes of
the whole bucket for each page.
"""

from collections.abc import Iterator
from typing import Any

from moto.s3.models import FakeKey, S3Backend

from local.account.strict.patches import around

_Page = tuple[list[Any], list[str], list[Any], str | None, str | None]


@around(S3Backend, "list_object_versions")
def _list_object_versions(
    _original: Any,
    self: Any,
    bucket_name: str,
    *,
    delimiter: str | None = None,
    key_marker: str | None = None,
    max_keys: int | None = 1000,
    prefix: str = "",
    version_id_marker: str | None = None,
) -> _Page:
    """Return versions, common prefixes, delete markers and the start of the next page.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
    """
    versions: list[Any] = []
    markers: list[Any] = []
    folders: dict[str, None] = {}
    last: tuple[str, str | None] | None = None
    keys = self.get_bucket(bucket_name).keys
    for name, version in _after(keys, prefix, key_marker, version_id_marker):
        folder = _folder(name, prefix, delimiter)
        if folder is not None and (folder in folders or folder == key_marker):
            continue
        if max_keys is not None and len(versions) + len(markers) + len(folders) >= max_keys:
            key, version_id = last or (name, None)
            return versions, list(folders), markers, key, version_id
        if folder is not None:
            folders[folder] = None
            last = folder, None
        else:
            (versions if isinstance(version, FakeKey) else markers).append(version)
            last = name, version.version_id
    return versions, list(folders), markers, None, None


def _after(
    keys: Any, prefix: str, key_marker: str | None, version_id_marker: str | None
) -> Iterator[tuple[str, Any]]:
    """Yield the versions after the markers, by key and from the newest to the oldest."""
    for name in sorted(one for one in keys if one.startswith(prefix)):
        if key_marker is not None and name < key_marker:
            continue
        versions = list(reversed(keys.getlist(name)))
        for version in versions:
            version.is_latest = version is versions[0]
        if name == key_marker:
            versions = _older(versions, version_id_marker)
        yield from ((name, version) for version in versions)


def _older(versions: list[Any], marker: str | None) -> list[Any]:
    """Return the versions after a given one, or all of them if it was deleted meanwhile."""
    if marker is None:
        return []
    names = [version.version_id for version in versions]
    return versions[names.index(marker) + 1 :] if marker in names else versions


def _folder(name: str, prefix: str, delimiter: str | None) -> str | None:
    if not delimiter:
        return None
    head, found, _ = name.removeprefix(prefix).partition(delimiter)
    return prefix + head + delimiter if found else None
