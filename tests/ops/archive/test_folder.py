"""`restore --to FOLDER`: files appear whole and verified, and none is replaced."""

import errno
import io
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.response import StreamingBody
from hypothesis import example, given
from hypothesis import strategies as st

from ops.archive import fingerprints, targets
from ops.terminal.problems import OperatorError
from tests.ops.archive.conftest import DAY, failing
from tests.ops.conftest import OLD

ALL = ("--day", "2024-01-15", "--yes", "--to", "here")


def files() -> dict[str, bytes]:
    found = (path for path in Path("here").rglob("*") if path.is_file())
    return {str(path.relative_to("here")): path.read_bytes() for path in found}


def test_outputs_are_downloaded_by_day_and_name(archive):
    archive.add("sales/a.json", b"one")
    archive.add("b.json.gz", b"\x1f\x8b two", day="2024/02/01")
    archive.add("empty.json", b"")
    archive.run("--prefix", "archive/2024/", "--yes", "--to", "here")
    assert files() == {
        "2024/01/15/empty.json": b"",
        "2024/01/15/sales/a.json": b"one",
        "2024/02/01/b.json.gz": b"\x1f\x8b two",
    }
    assert archive.restored() == []


def test_equal_files_are_left_alone_and_others_kept(archive):
    for name in "abc":
        archive.add(f"{name}.json", name.encode())
    archive.run(f"archive/{DAY}/a.json", "--yes", "--to", "here")
    before = Path(f"here/{DAY}/a.json").stat().st_mtime_ns
    other = Path(f"here/{DAY}/b.json")
    other.write_bytes(b"x")
    result = archive.run(*ALL, code=1)
    assert files() == {
        f"{DAY}/{name}.json": body for name, body in zip("abc", (b"a", b"x", b"c"), strict=True)
    }
    assert Path(f"here/{DAY}/a.json").stat().st_mtime_ns == before
    assert f"archive/{DAY}/b.json: {other} is another file" in result.stderr


def test_any_key_gets_a_file_of_its_own_inside_the_folder(archive):
    names = (
        "b/..",
        "../../up",
        "a//b",
        "a/%/b",
        "%2E",
        "a%b",
        "back\\slash",
        "x" * 300,
        "é" * 200 + ".json",
    )
    for name in names:
        archive.add(name, name.encode())
    archive.run(*ALL)
    assert sorted(files().values()) == sorted(name.encode() for name in names)
    assert all(name.startswith(DAY) for name in files())
    assert [path.name for path in Path().iterdir() if path.is_dir()] == ["here"]
    archive.run(*ALL)
    assert len(files()) == len(names)


def test_a_file_in_the_way_of_a_folder_stops_no_other(archive):
    for name in ("a", "a/b", "c"):
        archive.add(name, name.encode())
    archive.run(*ALL, code=1)
    assert files()[f"{DAY}/c"] == b"c"
    assert len(files()) == 2
    assert not [name for name in files() if ".restore-" in name]


def test_wrong_bytes_are_no_file(archive, monkeypatch):
    archive.add("a.json", b"right")
    original = BaseClient._make_api_call

    def call(self: BaseClient, name: str, parameters: Any) -> Any:
        answer = original(self, name, parameters)
        if name == "GetObject":
            answer["Body"] = StreamingBody(io.BytesIO(b"wrong"), 5)
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(BaseClient, "_make_api_call", call)
        result = archive.run(*ALL, code=1)
    assert files() == {}
    assert "not those of the archived object" in result.stderr
    with monkeypatch.context() as patched:
        failing(patched, "GetObject", "a.json", "SlowDown")
        archive.run(*ALL, code=1)
    assert files() == {}
    archive.run(*ALL)
    assert files() == {f"{DAY}/a.json": b"right"}


def test_without_a_digest_to_compare_the_bytes_are(archive, monkeypatch):
    monkeypatch.setattr(fingerprints, "_CHECKSUMS", ())
    for name in ("a", "b"):
        archive.add(name, name.encode(), ServerSideEncryption="aws:kms")
    result = archive.run(f"archive/{DAY}/a", "--yes", "--to", "here")
    assert "verified by size" in result.stdout
    Path(f"here/{DAY}/b").write_bytes(b"x")
    archive.run(*ALL, code=1)
    assert files() == {f"{DAY}/a": b"a", f"{DAY}/b": b"x"}


def test_without_hard_links_no_file_is_replaced_either(archive, monkeypatch):
    def refuse(*_: Any) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    archive.add("a.json", b"right")
    archive.run(*ALL)
    assert files() == {f"{DAY}/a.json": b"right"}
    part, file = Path("part"), Path(f"here/{DAY}/a.json")
    part.write_bytes(b"other")
    with pytest.raises(OperatorError, match="is another file"):
        targets._name(part, file)
    assert file.read_bytes() == b"right"


@example(["x" * 300, "x" * 301, "é" * 200])
@given(  # few characters, so that names meet
    st.lists(st.text(st.sampled_from("aé.%\\\0"), max_size=4), max_size=4, unique=True)
)
def test_no_two_parts_of_keys_share_a_file_name(parts):
    names = [targets._file_name(part) for part in parts]
    assert len(set(names)) == len(parts)
    for name in names:
        assert name not in ("", ".", "..")
        assert not {"/", "\0", "\\"} & set(name)
        assert len(name.encode()) <= 255


def test_what_is_in_glacier_is_downloaded_once_it_is_retrieved(archive, clock):
    key = archive.add("a.json", b"old", storage_class="GLACIER")
    archive.run(*ALL)
    assert files() == {}
    clock.move(hours=3)
    archive.run(*ALL, "--resume")
    assert files() == {f"{DAY}/a.json": b"old"}
    clock.move(days=9)
    archive.run(*ALL)  # the file is there: nothing is asked for again
    assert archive.header(key) == ""
    assert archive.pipeline.s3.head_object(Bucket=OLD, Key=key)["StorageClass"] == "GLACIER"
