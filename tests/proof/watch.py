"""What must hold of a pipeline: after every single call, and when it has come to rest."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from handlers import keys
from handlers.bundles.entries import read_bundle
from handlers.bundles.indexes import find_entries
from tests.proof.files import Kind, output_bytes, read_output
from tests.proof.memory import Version
from tests.proof.world import ARCHIVE, PROCESSED, RAW, World

_CHANGES = ("put_object", "copy_object", "complete_", "delete_")


class Watch:
    """Looks at a world after each call that changes it."""

    def __init__(self, world: World, kinds: Iterable[Kind]) -> None:
        self._world = world
        self._kinds = {kind.key: kind for kind in kinds}
        self._seen: dict[str, Version] = {}  # outputs by key
        self._owners: dict[tuple[str, str], str] = {}  # source version → its output's key

    def adopt(self) -> None:
        """Take the outputs that stand for the right ones, whoever stored them."""
        self._seen = dict(self._world.outputs())

    def replace(self, key: str) -> None:
        """Take what stands at a key for the right output by now."""
        self._seen[key] = self._world.outputs()[key]

    def after(self, operation: str) -> None:
        if operation.startswith(_CHANGES):
            self.look()

    def look(self) -> None:
        """Check what must hold at any time."""
        self._look_at_outputs()
        self._look_at_archive()
        self._look_at_sources()

    def _look_at_outputs(self) -> None:
        standing = self._world.outputs()
        for key, before in self._seen.items():
            assert key in standing, f"{key} is nowhere"
            assert _content(standing[key]) == _content(before), f"{key} has changed"
        for key, output in standing.items():
            if key in self._seen:
                continue
            source = keys.decode_value(output.metadata[keys.SOURCE_KEY])
            owner = source, output.metadata[keys.SOURCE_VERSION]
            assert owner not in self._owners, f"{owner} has {key} and {self._owners[owner]}"
            kind = self._kinds[source]
            assert not kind.failure, f"{kind.name} has the output {key}"
            _check_output(kind, output.body)
            _check_counts(kind, output.metadata)
            self._owners[owner] = key
            self._seen[key] = output

    def _look_at_archive(self) -> None:
        """Whatever is in both buckets is the same there."""
        s3 = self._world.s3
        for key, archived in s3.visible(ARCHIVE, "archive/").items():
            there = s3.current(PROCESSED, f"processed/{key.removeprefix('archive/')}")
            assert there is None or _content(there) == _content(archived), f"{key} is another's"

    def _look_at_sources(self) -> None:
        s3 = self._world.s3
        for key, versions in s3.buckets[RAW].items():
            assert all(one.body is not None for one in versions), f"{key} is hidden by a marker"
        for (key, version), body in self._world.uploads.items():
            source = s3.version(RAW, key, version)
            if source:
                assert source.body == body
                continue
            assert (key, version) in self._owners, f"{key} {version} is gone without an output"
            assert self.completed(key, version), f"{key} {version} is gone without its copy"

    def completed(self, key: str, version: str) -> list[Version]:
        """Return the completed copies of a version."""
        copies = self._world.s3.buckets[RAW].get(keys.completed_key(key), [])
        marked = [one for one in copies if one.metadata.get(keys.SOURCE_VERSION) == version]
        for copy in marked:
            assert copy.body == self._world.uploads[key, version]
            assert copy.headers["ContentType"] == "text/x-test"
            assert copy.metadata["owner"] == "me"
            assert copy.tags == (("team", "blue"),)
        return marked

    def check_finished(self, *, copies: int = 1, dead_letters: bool = False) -> None:
        """Check what must hold at rest: all is delivered, or a dead letter that says why."""
        self.look()
        s3 = self._world.s3
        named = [_dead_letter(message) for message in self._world.dead_letters.messages]
        for (key, version), body in self._world.uploads.items():
            kind = self._kinds[key]
            dead = [dead_letter for dead_letter in named if dead_letter["source"] == (key, version)]
            if kind.failure:
                assert s3.version(RAW, key, version).body == body
                assert not self.completed(key, version)
                assert dead, f"{key} {version} has no dead letter"
                assert all(kind.failure in dead_letter["reason"] for dead_letter in dead), dead
                assert {dead_letter["kind"] for dead_letter in dead} == {"permanent"}
                continue
            assert dead_letters or not dead, dead
            assert (key, version) in self._owners, f"{key} {version} has no output"
            assert not s3.version(RAW, key, version), f"{key} {version} is still there"
            assert 1 <= len(self.completed(key, version)) <= copies
            self._check_rejects(kind, self._seen[self._owners[key, version]])

    def _check_rejects(self, kind: Kind, output: Version) -> None:
        stored = self._world.s3.visible(PROCESSED, "rejected/")
        owner = output.metadata[keys.SOURCE_KEY], output.metadata[keys.SOURCE_VERSION]
        mine = {
            key: one
            for key, one in stored.items()
            if (one.metadata[keys.SOURCE_KEY], one.metadata[keys.SOURCE_VERSION]) == owner
        }
        if not kind.rejects:
            assert not mine
            return
        [key] = mine
        assert keys.decode_value(output.metadata[keys.REJECTED_KEY]) == key
        lines = [json.loads(line) for line in mine[key].body.splitlines()]
        assert all(line.pop("reason") for line in lines)
        expected = [{unit: number, "raw": raw} for unit, number, raw in kind.rejects]
        assert lines == expected, f"{lines} instead of {expected}"

    def check_archived(self, left: Iterable[str] = ()) -> None:
        """Check that each output is in the archive bucket once, and each bundle has its index.

        Only the keys in `left` may still be in `processed/`.
        """
        s3 = self._world.s3
        assert set(s3.visible(PROCESSED, "processed/")) == set(left)
        bundled = self._world.bundled()
        for key, output in self._seen.items():
            if key in left:
                continue
            copies = [s3.current(ARCHIVE, keys.archive_key(key)), *bundled.get(key, [])]
            same = [one for one in copies if one and _content(one) == _content(output)]
            assert len(same) == 1, f"{key} is archived {len(same)} times"
            assert same[0].tags == output.tags
        for key, bundle in s3.visible(ARCHIVE, keys.BUNDLES).items():
            assert bundle.storage_class == "STANDARD_IA"
            index = s3.current(ARCHIVE, keys.bundle_index_key(key))
            assert index, f"{key} has no index"
            described = [entry for entry, _ in read_bundle([bundle.body])]
            assert find_entries([index.body], "") == described

    def nothing_is_left(self) -> None:
        """Check that no chunk and no unfinished upload is left."""
        assert not self._world.s3.visible(PROCESSED, "staging/")
        assert not self._world.s3.uploads


def _content(version: Version) -> tuple[Any, ...]:
    return version.body, version.metadata, version.headers


@cache
def _check_output(kind: Kind, body: bytes) -> None:
    records, metadata = read_output(body)
    assert records == list(kind.records)
    if not kind.compressed:
        processed_at = metadata[0]["processed_at"] if metadata else ""
        assert body == output_bytes(kind, processed_at)
    assert len({one["processed_at"] for one in metadata}) <= 1


def _check_counts(kind: Kind, metadata: Mapping[str, str]) -> None:
    counted = {
        keys.RECORDS_IN: kind.total,
        keys.RECORDS_OUT: len(kind.records),
        keys.RECORDS_REJECTED: len(kind.rejects),
        keys.RECORDS_EMPTY: kind.empty,
    }
    assert {name: int(metadata[name]) for name in counted} == counted
    assert (keys.REJECTED_KEY in metadata) == bool(kind.rejects)
    assert metadata.get(keys.SOURCE_ENCODING, "") == kind.encoding


def _dead_letter(message: Mapping[str, Any]) -> dict[str, Any]:
    event = json.loads(message["body"])
    entry = event["Records"][0]["s3"]["object"]
    attributes = message["attributes"]
    named = attributes.get(keys.DEAD_LETTER_KEY), attributes.get(keys.DEAD_LETTER_VERSION)
    from_event = entry["key"].replace("+", " ").replace("%2B", "+"), entry["versionId"]
    assert named in (from_event, (None, None))
    return {
        "source": from_event,
        "reason": attributes.get(keys.REASON, ""),
        "kind": attributes.get(keys.FAILURE_KIND, ""),
    }
