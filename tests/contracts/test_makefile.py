"""`make` sets up a whole environment or none, and says what a deployment lacks.

The set-ups run in a copied tree with a small lock: the real venv and uv, wheels that the tests
make, and no network. Its uv is a script that calls the project's, so that it can be held.
"""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contracts.locks import ROOT

UV = Path(sys.executable).with_name("uv")
MAKE = shutil.which("make") or "make"
STUB = """#!/bin/sh
if [ -e "$HELD" ]; then touch "$HELD.reached"; sleep 600; fi
exec "$REAL_UV" "$@"
"""


def write_wheel(folder: Path, name: str, files: dict[str, str]) -> str:
    """Write a wheel of version 1.0 and return the line of a lock that names it."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    files |= {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{it},,\n" for it in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in files.items():
            entry = zipfile.ZipInfo(file)
            entry.external_attr = 0o100755 << 16  # pip reads from it what is a program
            wheel.writestr(entry, text)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{name}==1.0 \\\n    --hash=sha256:{digest}\n"


@dataclass
class Tree:
    """A copy of the project as far as `make setup` looks at it."""

    root: Path
    variables: dict[str, str]
    locks: dict[str, str]

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def held(self) -> Path:
        return Path(self.variables["HELD"])

    def command(self, target: str) -> list[str]:
        return [
            MAKE,
            "--no-print-directory",
            "--directory",
            str(self.root),
            target,
            f"PYTHON={sys.executable}",
        ]

    def make(self, target: str = "setup") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(target),
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )

    def write(self, lock: str, text: str) -> None:
        self.root.joinpath(lock).write_text(text)

    def is_whole(self) -> bool:
        python = self.venv / "bin" / "python"
        done = subprocess.run([python, "-c", "import sample"], check=False, capture_output=True)
        return done.returncode == 0


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    root, wheels = tmp_path / "project", tmp_path / "wheels"
    root.mkdir()
    wheels.mkdir()
    shutil.copy(ROOT / "Makefile", root)
    uv = write_wheel(wheels, "uv", {"uv-1.0.data/scripts/uv": STUB})
    sample = write_wheel(wheels, "sample", {"sample.py": ""})
    locks = {"requirements-uv.txt": uv, "requirements-dev.txt": sample + uv}
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "HELD": str(tmp_path / "held"),
        "REAL_UV": str(UV),
        **dict.fromkeys(("PIP_FIND_LINKS", "UV_FIND_LINKS"), str(wheels)),
        **dict.fromkeys(("PIP_NO_INDEX", "UV_NO_INDEX", "UV_OFFLINE"), "1"),
    }
    made = Tree(root, variables, locks)
    for lock, text in locks.items():
        made.write(lock, text)
    return made


def test_a_set_up_that_fails_leaves_no_environment(tree: Tree):
    lock = "requirements-dev.txt"
    tree.write(lock, re.sub(r"sha256:[0-9a-f]{64}", "sha256:" + "0" * 64, tree.locks[lock]))

    failed = tree.make()

    assert failed.returncode != 0
    assert "The set-up failed; .venv is removed again." in failed.stdout
    assert "hash" in failed.stderr.lower()  # the reason
    assert not tree.venv.exists()


def test_a_set_up_that_was_killed_is_made_anew_and_a_whole_one_is_left_alone(tree: Tree):
    tree.held.touch()
    with start(tree) as running:
        wait_for(tree.held.with_name("held.reached"))
        os.killpg(running.pid, signal.SIGKILL)
    # What it leaves is taken for an environment by everything but make.
    assert (tree.venv / "bin" / "python").exists()
    assert not tree.is_whole()
    (tree.venv / "leftover").touch()
    tree.held.unlink()

    assert tree.make().returncode == 0
    assert tree.is_whole()
    assert not (tree.venv / "leftover").exists()

    (tree.venv / "kept").touch()
    assert tree.make().returncode == 0
    assert (tree.venv / "kept").exists()


def start(tree: Tree) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        tree.command("setup"),
        env=tree.variables,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_for(path: Path) -> None:
    for _ in range(2000):
        if path.exists():
            return
        time.sleep(0.1)
    pytest.fail(f"{path} did not come within 200 seconds")


def test_an_older_python_is_refused_with_what_to_set(tree: Tree, tmp_path: Path):
    old = tmp_path / "old-python"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.10.13" || exit 1\n')
    old.chmod(0o755)

    done = subprocess.run(
        [*tree.command("setup")[:-1], f"PYTHON={old}"],
        env=tree.variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode != 0
    assert done.stdout.startswith(f"Python 3.11 or later is needed, {old} is Python 3.10.13: set ")
    assert not tree.venv.exists()


@pytest.fixture
def commands(tree: Tree, tmp_path: Path) -> Path:
    """Return a folder that is the whole PATH of a tree that is set up, without the Pulumi CLI."""
    folder = tmp_path / "commands"
    folder.mkdir()
    for name in ("bash", "sh", "cat"):
        folder.joinpath(name).symlink_to(shutil.which(name) or name)
    tree.variables["PATH"] = str(folder)
    return folder


@pytest.mark.usefixtures("commands")
@pytest.mark.parametrize("target", ["preview", "up"])
def test_a_deployment_without_the_cli_says_what_to_install(tree: Tree, target: str):
    done = tree.make(target)

    assert done.returncode != 0
    said, _ = done.stderr.splitlines()  # the other line is make's
    assert said == (
        "Deploying needs the Pulumi CLI, which is not on the PATH: "
        "install it from https://www.pulumi.com/docs/iac/download-install/."
    )
    assert done.stdout == ""
    assert not tree.venv.exists()  # it says so before it sets anything up


@pytest.mark.parametrize("target", ["preview", "up"])
def test_a_deployment_uses_the_environment_that_make_set_up(
    tree: Tree, commands: Path, tmp_path: Path, target: str
):
    # Pulumi makes .venv from requirements.txt alone, and only where there is none.
    tree.venv.mkdir()
    called = tmp_path / "called"
    cli = commands / "pulumi"
    cli.write_text(f'#!/bin/sh\necho "$@" "$PULUMI_ERROR_OUTPUT_STRING" > {called}\n')
    cli.chmod(0o755)
    (tree.venv / ".ready").touch()

    done = tree.make(target)

    assert done.returncode == 0, done.stderr
    pack = " --policy-pack policy" if target == "preview" else ""
    assert called.read_text() == f"{target} --stack dev{pack} true\n"


def test_the_readme_deploys_with_the_environment_that_make_makes():
    # `pulumi preview` alone would make one from requirements.txt, without what ops needs.
    readme = (ROOT / "README.md").read_text()
    block = readme.partition("## Deploy")[2].partition("```console\n")[2].partition("```")[0]
    first = [line.split()[1] for line in block.splitlines()]

    assert first == ["pulumi", "make", "make", ".venv/bin/python", ".venv/bin/python"]
    assert not re.search(r"pulumi (preview|up|install)", block)


def test_help_lists_the_targets_and_every_target_is_phony():
    text = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][a-z-]*):(?!=)", text, re.MULTILINE))
    phony = set(re.findall(r"^\.PHONY: (.+)$", text, re.MULTILINE)[0].split())
    listed = subprocess.run(
        [MAKE, "--no-print-directory", "--directory", ROOT],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    rows = [line.split(maxsplit=1) for line in listed]

    assert phony == targets
    # Parts of others, which nobody calls.
    assert targets - {name for name, _ in rows} == {"check-style", "pulumi-cli"}
    assert [line for line in listed if len(line) > 120] == []


@pytest.mark.parametrize(
    "target", ["bombs", "test-oldest", "fuzz", "crash", "interleavings", "storms", "mutants"]
)
def test_a_target_names_files_and_modules_that_are_there(target):
    shown = subprocess.run(
        [MAKE, "--dry-run", "--directory", ROOT, target], capture_output=True, text=True, check=True
    ).stdout
    modules = [name.replace(".", "/") + ".py" for name in re.findall(r"-m (tests\.[\w.]+)", shown)]
    named = [*re.findall(r"(?<![\w/])tests/[\w/]+\.py", shown), *modules]

    assert named
    assert [name for name in named if not (ROOT / name).is_file()] == []
