"""A reader of tables: a SerDe, in a process of Java."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from infra.datasets.tables import SERDE

HERE = Path(__file__).parent
POM, PROGRAM = HERE / "pom.xml", HERE / "ReadTable.java"
SECONDS = 600  # of which Maven takes most, the first time
# What is run, by the sha-256 of each file: Maven itself asks for no digest that is in the project.
DIGESTS = {
    "json-serde-1.3.9-e.12.jar": "1193a44fce92b2964bba137fe11b5f97eeb3efb197000944d8754a419552a610",
    "json-serde-generic-shim-1.3.9-e.12.jar": (
        "3b5444584689e6c4d00c44a4e00a26210fc0bad43f4f72bdf9d51a1803b5004d"
    ),
    "openjson-1.8-e.12.jar": "5fa5985f7af2d0ce2d327dbd5faaa04db2462b313a1eac1aba44a00040a0905b",
    "commons-lang3-3.12.0.jar": "d919d904486c037f8d193412da0c92e22a9fa24230b9d67a57855c5c31c7e94e",
    "hive-apache-3.1.2-23.jar": "cbf22f2733b655b93ee289c62290e655d54301fc6a4194803df2dcbaea018d00",
    "hadoop-apache-3.3.5-2.jar": "ad01449cb0c511344ad7f0960831c1a8ad1d3a4fc99caf8028134c29ea29c0a0",
    "joda-time-2.9.9.jar": "b049a43c1057942e6acfbece008e4949b2e35d1658d0c8e06f4485397e2fa4e7",
    "jcl-over-slf4j-1.7.36.jar": "ab57ca8fd223772c17365d121f59e94ecbf0ae59d08c03a3cb5b81071c019195",
    "slf4j-api-1.7.36.jar": "d3ef575e3e4979678dc01bf1dcce51021493b4d11fb7f1be8ad982877c16a1c0",
    "slf4j-nop-1.7.36.jar": "c214958b07816cb4412b30c7bdbd4308ffdc6ba2a83767b8f3a9229cbd9274d6",
}

Rows = list[dict[str, Any]]
Read = Callable[[Path, Mapping[str, str]], Rows]
HIVE = "org.apache.hive.hcatalog.data.JsonSerDe"


@pytest.fixture(scope="session")
def java(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The class path of the compiled program; skips where there is no Java or no Maven."""
    missing = [name for name in ("java", "javac", "mvn") if not shutil.which(name)]
    if missing:
        pytest.skip(f"reading with the SerDe needs Java 17 and Maven: no {', '.join(missing)} here")
    built = tmp_path_factory.mktemp("serde")
    listed = built / "classpath.txt"
    run(
        "mvn", "--quiet", "--batch-mode", f"--file={POM}",
        "dependency:build-classpath", f"-Dmdep.outputFile={listed}",
    )  # fmt: skip
    libraries = listed.read_text().split(":")
    assert dict(digests(map(Path, libraries))) == DIGESTS
    run("javac", "-d", str(built), "-cp", ":".join(libraries), str(PROGRAM))
    return ":".join([*libraries, str(built)])


@pytest.fixture(scope="session")
def serde(java: str) -> Read:
    """Read the rows of a folder with the SerDe of the tables, given the type of each column."""
    return reader(java, SERDE)


@pytest.fixture(scope="session")
def hive(java: str) -> Read:
    """Read as `serde`, with Hive's own SerDe."""
    return reader(java, HIVE)


def reader(java: str, class_name: str) -> Read:
    def read(folder: Path, columns: Mapping[str, str]) -> Rows:
        names, types = ",".join(columns), ":".join(columns.values())
        printed = run("java", "-cp", java, "ReadTable", class_name, str(folder), names, types)
        return [json.loads(line) for line in printed.splitlines()]

    return read


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, f"{command[0]}: {done.stdout}{done.stderr}"
    return done.stdout


def digests(files: Iterator[Path]) -> Iterator[tuple[str, str]]:
    for file in files:
        yield file.name, hashlib.sha256(file.read_bytes()).hexdigest()
