"""All that the process of a function gets: its files, environment variables and command line."""

import importlib.metadata
import os
import shutil
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# What Lambda's Python runtime contains in addition to the standard library:
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
RUNTIME_DISTRIBUTIONS: Final = (
    "awslambdaric",
    "simplejson",
    "snapshot-restore-py",
    "boto3",
    "botocore",
    "s3transfer",
    "jmespath",
    "python-dateutil",
    "six",
    "urllib3",
)
# The "reserved environment variables", which a function's configuration cannot set:
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
RESERVED_VARIABLES: Final = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
    }
)
VERSION: Final = "$LATEST"

_MEBIBYTE: Final = 1 << 20
_HERE: Final = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """The credentials of the function's role; moto checks no secret."""

    access_key_id: str = "testing"
    secret_access_key: str = "testing"  # noqa: S105 - a stand-in
    session_token: str = "testing"  # noqa: S105 - a stand-in


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A function as Lambda knows it.

    Attributes:
        name: The function's name.
        archive: A zip file, or a folder with its content.
        handler: `package.module.function`.
        timeout_seconds: From the moment that the process gets the event.
        memory_mb: In MiB. `LocalFunction` says how it is limited.
        environment: The function's own variables.
        endpoint_url: The URL at which the process's boto3 calls AWS.
        region: The function's region.
        account_id: Twelve digits.
        credentials: The credentials of the function's role.

    Raises ValueError if `environment` sets a variable that Lambda reserves.
    """

    name: str
    archive: Path
    handler: str
    timeout_seconds: float
    memory_mb: int
    environment: Mapping[str, str]
    endpoint_url: str
    region: str
    account_id: str
    credentials: Credentials

    def __post_init__(self) -> None:
        reserved = sorted(RESERVED_VARIABLES & self.environment.keys())
        if reserved:
            msg = f"environment of {self.name} sets {', '.join(reserved)}, which Lambda reserves"
            raise ValueError(msg)

    @property
    def arn(self) -> str:
        """The function's unqualified ARN."""
        return f"arn:aws:lambda:{self.region}:{self.account_id}:function:{self.name}"


class Sandbox:
    """The folders of a function under `root`, which its processes share.

    Raises ValueError if the archive is neither a zip file nor a folder.
    """

    def __init__(self, definition: Definition, root: Path) -> None:
        self._definition = definition
        self._root = root
        self.task = root / "task"
        self._runtime = root / "runtime"
        _unpack(definition.archive, self.task)
        _link_runtime(self._runtime)

    def new_home(self, number: int) -> Path:
        """Make the folder that serves a process as its home and its /tmp."""
        home = self._root / f"instance-{number}"
        home.mkdir()
        return home

    def command(self, parent: int) -> list[str]:
        """Return the command line of a process; it ends when the descriptor `parent` closes.

        -I and -S hide the working directory, PYTHON* variables and site-packages, which hold the
        project's tools, and other copies of what the archive contains.
        """
        definition = self._definition
        memory = definition.memory_mb * _MEBIBYTE
        entrypoint = _HERE / "entrypoint.py"
        arguments = (parent, memory, self.task, self._runtime, definition.handler)
        isolated = [sys.executable, "-I", "-S", "-X", "utf8", str(entrypoint)]
        return [*isolated, *map(str, arguments)]

    def variables(self, *, runtime_api: str, home: Path, log_stream: str) -> dict[str, str]:
        """Return the whole environment of one process.

        Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html. HOME is
        the process's own folder, so that boto3 does not read this machine's ~/.aws.
        """
        definition = self._definition
        region, credentials = definition.region, definition.credentials
        return {
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            # Without it an interpreter that is built as a shared library may not start.
            "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", ""),
            "HOME": str(home),
            "TMPDIR": str(home),
            "AWS_ENDPOINT_URL": definition.endpoint_url,
            **definition.environment,
            "_HANDLER": definition.handler,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python3.{sys.version_info.minor}",
            "AWS_LAMBDA_FUNCTION_NAME": definition.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(definition.memory_mb),
            "AWS_LAMBDA_FUNCTION_VERSION": VERSION,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{definition.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
            "AWS_ACCESS_KEY_ID": credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
            "AWS_SESSION_TOKEN": credentials.session_token,
            "AWS_LAMBDA_RUNTIME_API": runtime_api,
            "LAMBDA_TASK_ROOT": str(self.task),
            "LAMBDA_RUNTIME_DIR": str(self._runtime),
        }


def _unpack(archive: Path, task: Path) -> None:
    if archive.is_dir():
        shutil.copytree(archive, task, ignore=shutil.ignore_patterns("__pycache__"))
    elif zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            zipped.extractall(task)
    else:
        msg = f"the archive is {archive}, allowed: a zip file or a folder"
        raise ValueError(msg)


def _link_runtime(folder: Path) -> None:
    """Link what Lambda's runtime contains, and nothing else that is installed here."""
    folder.mkdir()
    for name in RUNTIME_DISTRIBUTIONS:
        distribution = importlib.metadata.distribution(name)
        tops = {file.parts[0] for file in distribution.files or ()}
        # ".." leads to scripts, which are outside of site-packages.
        for top in tops - {"..", "__pycache__"}:
            (folder / top).symlink_to(Path(str(distribution.locate_file(top))).resolve())
    if not list(folder.glob("runtime_client*")):
        (folder / "runtime_client.py").symlink_to(_HERE / "runtime_client.py")
