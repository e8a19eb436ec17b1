import hashlib
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pulumi
import pytest

from infra import package
from infra.package import LAMBDA, THIS_MACHINE, PackageError, Platform
from local.program import packaging
from tests.infra.recording import ROOT

LIMIT = 2 * 1024 * 1024


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("archive") / "lambda.zip"
    package.write_zip(target, LAMBDA)
    return target


def test_the_archive_holds_the_handlers_and_their_libraries_and_nothing_else(archive: Path):
    names = zipfile.ZipFile(archive).namelist()

    handlers = {name for name in names if name.startswith("handlers/")}
    assert handlers == {
        path.relative_to(ROOT).as_posix() for path in (ROOT / "handlers").rglob("*.py")
    }
    roots = {name.split("/")[0].split("-")[0] for name in names}
    assert roots == {
        "handlers",
        "aws_lambda_powertools",
        "fastjsonschema",
        "jmespath",
        "orjson",
        "typing_extensions",
        "typing_extensions.py",
    }
    assert not [name for name in names if name.endswith((".pyc", "/RECORD", "/INSTALLER"))]
    assert not [name for name in names if "__pycache__" in name or name.startswith("bin/")]
    assert names == sorted(names)


def test_the_archive_fits_the_platform_of_the_function(archive: Path):
    (library,) = [name for name in zipfile.ZipFile(archive).namelist() if name.endswith(".so")]

    assert library == "orjson/orjson.cpython-313-aarch64-linux-gnu.so"


def test_the_archive_is_small(archive: Path):
    assert archive.stat().st_size < LIMIT


def test_every_file_of_the_archive_can_be_read_by_lambda(archive: Path):
    for entry in zipfile.ZipFile(archive).infolist():
        assert stat.filemode(entry.external_attr >> 16) == "-rw-r--r--"
        assert entry.date_time == (1980, 1, 1, 0, 0, 0)


def test_two_builds_have_the_same_bytes(archive: Path, tmp_path: Path):
    root = copy_of_sources(tmp_path)
    # What another machine may leave behind: other times, caches.
    (root / "handlers/__pycache__").mkdir()
    (root / "handlers/__pycache__/keys.cpython-313.pyc").write_bytes(b"compiled")

    package.write_zip(tmp_path / "again.zip", LAMBDA, root)

    assert digest(tmp_path / "again.zip") == digest(archive)


DECLARED = {"orders": {"prefix": "a/", "schema": {"type": "object", "description": "é"}}}


def test_the_declarations_of_datasets_are_at_the_root_of_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "wheels").mkdir()
    monkeypatch.setattr(package, "_vendored", lambda _platform, _root: tmp_path / "wheels")
    turned = {"orders": dict(reversed(DECLARED["orders"].items()))}
    for name, declared in (("one", DECLARED), ("two", turned), ("none", {})):
        package.write_zip(tmp_path / name, LAMBDA, declarations=declared)

    archive = zipfile.ZipFile(tmp_path / "one")
    text = '{"orders":{"prefix":"a/","schema":{"description":"é","type":"object"}}}'
    assert archive.read("datasets.json").decode() == text
    assert archive.namelist() == sorted(archive.namelist())
    assert digest(tmp_path / "two") == digest(tmp_path / "one")
    without = set(archive.namelist()) - set(zipfile.ZipFile(tmp_path / "none").namelist())
    assert without == {"datasets.json"}


def test_a_file_of_declarations_that_is_not_whole_is_never_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def die(_written: Path, _folder: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(package, "_publish", die)
    with pytest.raises(KeyboardInterrupt):
        package._written(b"{}", tmp_path)
    monkeypatch.undo()

    assert list((tmp_path / ".build").iterdir()) == []
    assert package._written(b"{}", tmp_path).read_bytes() == b"{}"
    assert package._written(b"[]", tmp_path).read_bytes() == b"[]"


def test_the_archive_of_this_machine_has_the_declarations_of_the_other():
    archive = package.archive(DECLARED)

    here = packaging.for_this_machine(archive)

    assert isinstance(here, pulumi.AssetArchive)
    text = Path(here.assets["datasets.json"].path).read_bytes()
    assert text == Path(archive.assets["datasets.json"].path).read_bytes()
    others = {name for name in here.assets if name.startswith("handlers/")}
    assert others == {name for name in archive.assets if name.startswith("handlers/")}
    compiled = [{name for name in it.assets if name.endswith(".so")} for it in (archive, here)]
    assert compiled[0] != compiled[1]


def test_the_archive_for_this_machine_runs_on_it(tmp_path: Path):
    package.write_zip(tmp_path / "here.zip", THIS_MACHINE)
    zipfile.ZipFile(tmp_path / "here.zip").extractall(tmp_path / "task")

    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import orjson, handlers.keys;"
        "print(orjson.__file__, handlers.keys.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, str(tmp_path / "task")],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert all(path.startswith(str(tmp_path)) for path in done.stdout.split())


def test_wheels_are_installed_once_for_the_same_requirements(monkeypatch: pytest.MonkeyPatch):
    before = package.contents(LAMBDA)
    monkeypatch.setattr(subprocess, "run", lambda *_args, **_kwargs: pytest.fail("installed again"))

    assert package.contents(LAMBDA) == before


def test_wheels_that_are_not_whole_are_never_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def die(_installed: Path) -> None:
        raise KeyboardInterrupt

    root = copy_of_sources(tmp_path)
    monkeypatch.setattr(package, "_install", lambda _requirements, _platform, to: to.mkdir())
    monkeypatch.setattr(package, "_strip", die)
    with pytest.raises(KeyboardInterrupt):
        package.contents(LAMBDA, root)

    assert list((root / ".build").iterdir()) == []


def test_other_requirements_are_installed_anew(tmp_path: Path):
    root = copy_of_sources(tmp_path)
    package.contents(LAMBDA, root)
    locked = (root / "handlers/requirements.txt").read_text()
    (root / "handlers/requirements.txt").write_text(
        locked[locked.index("typing-extensions") :]  # the last one alone
    )

    names = package.contents(LAMBDA, root)

    assert "typing_extensions.py" in names
    assert not [name for name in names if name.startswith("orjson")]


def test_a_wheel_that_does_not_exist_is_named_with_pips_own_words(tmp_path: Path):
    root = copy_of_sources(tmp_path)
    never = Platform(python_version="3.13", tags=("manylinux2014_pdp11",))

    with pytest.raises(
        PackageError, match=r"(?s)manylinux2014_pdp11.*orjson.*command: .*pip install"
    ):
        package.contents(never, root)

    assert list((root / ".build").iterdir()) == []


def test_a_wheel_whose_digest_is_another_is_refused(tmp_path: Path):
    root = copy_of_sources(tmp_path)
    locked = root / "handlers/requirements.txt"
    line = next(text for text in locked.read_text().split() if text.startswith("typing-ext"))
    locked.write_text(f"{line} --hash=sha256:{'0' * 64}\n")

    with pytest.raises(PackageError, match=r"(?i)hash"):
        package.contents(LAMBDA, root)


def test_a_requirement_without_a_digest_is_refused(tmp_path: Path):
    root = copy_of_sources(tmp_path)
    (root / "handlers/requirements.txt").write_text("typing-extensions==4.16.0\n")

    with pytest.raises(PackageError, match=r"(?i)hash"):
        package.contents(LAMBDA, root)


def test_missing_requirements_are_named(tmp_path: Path):
    with pytest.raises(PackageError, match=r"handlers/requirements\.txt"):
        package.contents(LAMBDA, tmp_path)


def test_an_interpreter_without_pip_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    root = copy_of_sources(tmp_path)
    monkeypatch.setattr(package, "find_spec", lambda _name: None)

    with pytest.raises(PackageError, match=r"has no pip.*make setup"):
        package.contents(LAMBDA, root)


def copy_of_sources(folder: Path) -> Path:
    root = folder / "project"
    for path in (*(ROOT / "handlers").rglob("*.py"), ROOT / "handlers/requirements.txt"):
        copied = root / path.relative_to(ROOT)
        copied.parent.mkdir(parents=True, exist_ok=True)
        copied.write_bytes(path.read_bytes())
    return root


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
