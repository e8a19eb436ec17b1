import os
import zipfile
from pathlib import Path

import pulumi
import pytest

from local.program.zip_archive import ArchiveError, write_archive


def entries(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def test_assets_folders_and_archives_within_become_one_zip(tmp_path: Path) -> None:
    folder = tmp_path / "package"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "b.py").write_text("b = 2\n")
    (tmp_path / "a.py").write_text("a = 1\n")

    written = write_archive(
        pulumi.AssetArchive(
            {
                "package": pulumi.FileArchive("package"),
                "a.py": pulumi.FileAsset("a.py"),
                "text.txt": pulumi.StringAsset("grüße"),
            }
        ),
        tmp_path,
        tmp_path / "out" / "code.zip",
    )

    assert entries(written) == {
        "a.py": b"a = 1\n",
        "package/inner/b.py": b"b = 2\n",
        "text.txt": "grüße".encode(),
    }


def test_equal_files_give_equal_bytes(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "m.py").write_text("m = 1\n")
    first = write_archive(pulumi.FileArchive("x"), tmp_path, tmp_path / "1.zip").read_bytes()
    os.utime(tmp_path / "x" / "m.py", (1, 1))
    (tmp_path / "x" / "m.py").chmod(0o600)

    second = write_archive(pulumi.FileArchive("x"), tmp_path, tmp_path / "2.zip").read_bytes()

    assert first == second


def test_a_ready_zip_is_taken_byte_for_byte(tmp_path: Path) -> None:
    (tmp_path / "ready.zip").write_bytes(b"PK whatever it is")
    written = write_archive(pulumi.FileArchive("ready.zip"), tmp_path, tmp_path / "out.zip")
    assert written.read_bytes() == b"PK whatever it is"


@pytest.mark.parametrize(
    ("archive", "reason"),
    [
        (pulumi.FileArchive("missing"), "missing is missing, allowed: a folder or a zip"),
        (pulumi.AssetArchive({"a": pulumi.FileAsset("gone.py")}), "gone.py is missing"),
        (pulumi.RemoteArchive("https://example.com/a.zip"), "allowed: FileArchive, AssetArchive"),
        (pulumi.AssetArchive({"a": pulumi.RemoteAsset("https://example.com/a")}), "RemoteAsset"),
    ],
)
def test_what_is_not_there_is_an_error(
    tmp_path: Path, archive: pulumi.Archive, reason: str
) -> None:
    with pytest.raises(ArchiveError, match=reason):
        write_archive(archive, tmp_path, tmp_path / "out.zip")
