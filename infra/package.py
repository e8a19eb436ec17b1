"""Make the Lambda archive: handlers/ and its wheels, from a list of files, reproducibly."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pulumi

from handlers.environment import DATASETS_FILE
from infra.datasets.files import Declarations, encode

ROOT: Final = Path(__file__).resolve().parent.parent
_REQUIREMENTS: Final = Path("handlers/requirements.txt")
_CACHE: Final = Path(".build")
# The files that pip writes into dist-info; all others come from the wheel, byte for byte.
_WRITTEN_BY_PIP: Final = frozenset({"INSTALLER", "RECORD", "REQUESTED", "direct_url.json"})
_INSTALL_SECONDS: Final = 600
# The earliest time of a zip entry, which has no time zone.
_ZIP_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_READABLE: Final = 0o100644 << 16


class PackageError(pulumi.RunError):
    """The archive cannot be made; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Platform:
    """What wheels are for: the platform's `tags`, and a version of CPython, `3.13` say."""

    python_version: str
    tags: tuple[str, ...]  # empty: this machine

    def pip_arguments(self) -> list[str]:
        """Return the options of pip for wheels of this platform."""
        chosen = [argument for tag in self.tags for argument in ("--platform", tag)]
        if chosen:
            chosen += ["--python-version", self.python_version, "--implementation", "cp"]
        return chosen


# Amazon Linux 2023, on which python3.13 runs, has glibc 2.34; pip does not derive the older tags.
# https://docs.aws.amazon.com/linux/al2023/ug/compare-with-al2.html
LAMBDA: Final = Platform(
    python_version="3.13",
    tags=tuple(
        f"{tag}_aarch64"
        for tag in ("manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014")
    ),
)
THIS_MACHINE: Final = Platform(
    python_version=f"{sys.version_info.major}.{sys.version_info.minor}", tags=()
)


def archive(declarations: Declarations, root: Path = ROOT) -> pulumi.AssetArchive:
    """Return what `pulumi up` uploads; raise PackageError if the wheels cannot be installed."""
    files = contents(LAMBDA, root, declarations=declarations)
    return pulumi.AssetArchive({name: pulumi.FileAsset(str(path)) for name, path in files.items()})


def write_zip(
    target: Path, platform: Platform, root: Path = ROOT, *, declarations: Declarations | None = None
) -> None:
    """Write the archive for a platform; the same files give the same bytes.

    Raises PackageError if the wheels cannot be installed.
    """
    files = contents(platform, root, declarations=declarations)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as written:
        for name, path in files.items():
            entry = zipfile.ZipInfo(name, _ZIP_EPOCH)
            entry.external_attr = _READABLE
            entry.create_system = 3  # Unix, on every system
            entry.compress_type = zipfile.ZIP_DEFLATED
            written.writestr(entry, path.read_bytes())


def contents(
    platform: Platform, root: Path = ROOT, *, declarations: Declarations | None = None
) -> Mapping[str, Path]:
    """Return the path of each file by its name in the archive, in the order of the names.

    Without a dataset there is no file of the declarations.

    Raises PackageError if the wheels cannot be installed.
    """
    wheels = _vendored(platform, root)
    found = {
        path.relative_to(base).as_posix(): path
        for base, paths in (
            (root, (root / "handlers").rglob("*.py")),
            (wheels, (path for path in wheels.rglob("*") if path.is_file())),
        )
        for path in paths
    }
    if declarations:
        found[DATASETS_FILE] = _written(encode(declarations), root)
    return dict(sorted(found.items()))


def _written(declarations: bytes, root: Path) -> Path:
    """Return a file with a content, in a folder of its digest: one that exists is complete."""
    folder = root / _CACHE / f"datasets-{hashlib.sha256(declarations).hexdigest()[:16]}"
    if not folder.is_dir():
        folder.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix="writing-") as scratch:
            written = Path(scratch, "datasets")
            written.mkdir()
            (written / DATASETS_FILE).write_bytes(declarations)
            _publish(written, folder)
    return folder / DATASETS_FILE


def _vendored(platform: Platform, root: Path) -> Path:
    """Return the folder of the installed wheels; install them once for a platform."""
    requirements = root / _REQUIREMENTS
    if not requirements.is_file():
        msg = f"no file {requirements}: it locks what the archive vendors (make lock writes it)"
        raise PackageError(msg)
    digest = hashlib.sha256(repr(platform).encode() + requirements.read_bytes()).hexdigest()
    folder = root / _CACHE / f"wheels-{digest[:16]}"
    if not folder.is_dir():
        folder.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix="installing-") as scratch:
            installed = Path(scratch, "wheels")
            _install(requirements, platform, installed)
            _strip(installed)
            _publish(installed, folder)
    return folder


def _install(requirements: Path, platform: Platform, target: Path) -> None:
    if find_spec("pip") is None:
        msg = (
            f"{sys.executable} has no pip, which the archive's wheels are installed with: "
            "run `make setup` or `pulumi install`, or `python -m ensurepip`"
        )
        raise PackageError(msg)
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--no-input", "--no-compile", "--no-deps", "--require-hashes", "--only-binary=:all:"),
        *platform.pip_arguments(),
        *("--target", str(target), "--requirement", str(requirements)),
    ]
    try:
        done = subprocess.run(  # noqa: S603 - every part is this project's own
            command, capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        msg = f"pip did not end within {_INSTALL_SECONDS} s: {' '.join(command)}"
        raise PackageError(msg) from error
    if done.returncode:
        msg = (
            f"pip could not install {requirements} for {platform} (exit code {done.returncode}):\n"
            f"{done.stderr.strip() or done.stdout.strip()}\ncommand: {' '.join(command)}"
        )
        raise PackageError(msg)


def _strip(installed: Path) -> None:
    """Remove what pip adds: scripts with a path in them, and files that vary with pip's version."""
    shutil.rmtree(installed / "bin", ignore_errors=True)
    for path in sorted(installed.rglob("*")):
        if path.name in _WRITTEN_BY_PIP and path.parent.name.endswith(".dist-info"):
            path.unlink()
    for caches in sorted(installed.rglob("__pycache__")):
        shutil.rmtree(caches)


def _publish(installed: Path, folder: Path) -> None:
    """Rename a finished folder, so that one that exists is complete; another run may be first."""
    try:
        installed.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
