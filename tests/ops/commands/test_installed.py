"""The package of the operator's command line: what is in it, and that it runs by itself."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.contracts import locks, pages
from tests.contracts.locks import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
UV = Path(sys.executable).with_name("uv")
LOCK = "requirements-ops.txt"
# Of the handlers and of infra, as import-linter's contracts have it, too.
ALONE = {
    "handlers/__init__.py", "handlers/environment.py", "handlers/keys.py", "infra/__init__.py",
    "handlers/bundles/__init__.py", "handlers/bundles/entries.py", "handlers/bundles/indexes.py",
}  # fmt: skip
WHOLE = ("ops", "handlers/transform", "infra/datasets")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the package with uv's own backend, without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [UV, "build", "--quiet", "--offline", "--wheel", "--out-dir", folder, ROOT]
    subprocess.run(build, check=True, timeout=60)
    (found,) = folder.glob("*.whl")
    return found


def modules(wheel: Path) -> dict[str, str]:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.endswith(".py")]
        return {name: archive.read(name).decode() for name in names}


def imported(source: str) -> Iterator[str]:
    """Yield the packages that a module imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def test_the_package_holds_the_commands_and_what_they_know_of_the_program(wheel: Path):
    whole = {
        path.relative_to(ROOT).as_posix()
        for folder in WHOLE
        for path in (ROOT / folder).rglob("*.py")
    }

    assert set(modules(wheel)) == whole | ALONE


def test_the_package_asks_for_what_it_imports_and_no_more(wheel: Path):
    asked = {Requirement(it).name for it in PROJECT["project"]["dependencies"]}
    found = {name for text in modules(wheel).values() for name in imported(text)}
    ours = {"ops", "handlers", "infra"}
    stubs = {name for name in found if name.startswith("mypy_boto3_")}  # for type checkers alone

    # botocore comes with boto3; the package ruamel.yaml is a part of the module ruamel. DuckDB is
    # there where the local pipeline runs, and imported for it alone.
    modules_asked = {name.removesuffix(".yaml") for name in asked} | {"botocore"}
    assert found - set(sys.stdlib_module_names) - ours - stubs - {"duckdb"} == modules_asked


def test_the_packages_lock_has_the_versions_that_it_asks_for():
    asked = [Requirement(it) for it in PROJECT["project"]["dependencies"]]
    pins = {pin.name: pin for pin in locks.read_pins((ROOT / LOCK).read_text())}

    assert [f"{it}: {gap}" for it in asked if (gap := locks.find_gap(it, pins))] == []
    assert {it.name for it in locks.read_asked(ROOT / "requirements-ops.in")} == {
        it.name for it in asked
    }


def test_the_backend_that_builds_the_package_is_that_of_the_locked_uv():
    (asked,) = map(Requirement, PROJECT["build-system"]["requires"])
    (uv,) = locks.read_pins((ROOT / "requirements-uv.txt").read_text())

    assert asked.name == "uv_build"
    assert asked.specifier.contains(uv.version)


def test_every_module_of_the_package_is_there_for_the_program(wheel: Path, tmp_path: Path):
    start = f"import sys; sys.path.insert(0, {str(wheel)!r}); sys.argv[1:] = ['--help']; "
    program = start + "from ops.__main__ import main; main()"

    done = subprocess.run(
        [sys.executable, "-I", "-c", program],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage: s3-data-pipeline [OPTIONS] COMMAND [ARGS]...")


def test_datasets_are_read_and_compared_with_what_the_package_asks_for(wheel: Path, tmp_path: Path):
    others = [name for name in ("pulumi", "pulumi_aws", "yaml") if find_spec(name)]
    program = (
        f"import sys; sys.path.insert(0, {str(wheel)!r});"
        f"sys.modules.update(dict.fromkeys({others!r}));"  # to import one is an error
        "from infra.datasets import changes, files;"
        f"found = files.load({str(ROOT / 'datasets')!r});"
        "print(list(found), changes.changes(found, found), files.__file__)"
    )

    done = subprocess.run(
        [sys.executable, "-I", "-c", program],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"['orders'] [] {wheel}/infra/datasets/files.py")


@pytest.mark.network
def test_the_package_is_installed_by_pip_and_runs(outputs: Path, tmp_path: Path):
    environment = tmp_path / "operator"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True, timeout=120)
    pip = [environment / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "install"]
    for words in (["--require-hashes", "-r", ROOT / LOCK], ["--no-deps", ROOT]):
        subprocess.run([*pip, "--quiet", "--no-compile", *words], check=True, timeout=240)
    checked = [environment / "bin" / "python", "-m", "pip", "check"]
    subprocess.run(checked, check=True, timeout=60)
    variables = {name: text for name, text in os.environ.items() if not name.startswith("AWS_")}
    variables.pop("PYTHONPATH", None)

    def run(*words: str) -> str:
        program = [environment / "bin" / "s3-data-pipeline", *words]
        done = subprocess.run(
            program,
            cwd=tmp_path,
            env={**variables, "AWS_EC2_METADATA_DISABLED": "true"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    assert run("--help").startswith("Usage: s3-data-pipeline [OPTIONS] COMMAND [ARGS]...")
    (tmp_path / "a.json").write_text("{}")
    run("upload", "a.json", "--outputs", str(outputs))
    status = json.loads(run("status", "--json", "--outputs", str(outputs)))
    assert status["incoming"]["objects"] == 1
    megabytes = sum(it.stat().st_size for it in environment.rglob("*") if it.is_file()) / 1e6
    (said,) = re.findall(r"takes some (\d+) MB", pages.read("docs/operations.md"))
    assert megabytes == pytest.approx(int(said), rel=0.25)
