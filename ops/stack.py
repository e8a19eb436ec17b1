"""Find the outputs of the stack that a command works on."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, cast

from ops.terminal.problems import UsageError

OUTPUTS_VARIABLE: Final = "S3_DATA_PIPELINE_OUTPUTS"
_CHECKOUT: Final = Path(__file__).resolve().parent.parent
_PULUMI_SECONDS: Final = 120

_REQUIRED: Final = (
    "raw_bucket_name",
    "processed_bucket_name",
    "archive_bucket_name",
    "data_processor_lambda_arn",
    "data_archiver_lambda_arn",
    "processing_queue_url",
    "dlq_url",
)
_OPTIONAL: Final = (
    "archiver_dlq_url",
    "alarm_topic_arn",
    "batch_operations_role_arn",
    "datasets",
    "glue_database_name",
    "athena_workgroup_name",
    "endpoint_url",
)
# The fields of arn:PARTITION:lambda:REGION:ACCOUNT:function:NAME
_PARTITION_FIELD: Final = 1
_REGION_FIELD: Final = 3
_ACCOUNT_FIELD: Final = 4
_NAME_FIELD: Final = 6
# The program names the function PREFIX-data-processor, and Pulumi adds some digits.
_PROCESSOR: Final = "data-processor"


@dataclass(frozen=True, kw_only=True)
class Stack:
    """The outputs of a stack that commands need; each field is named like its output."""

    raw_bucket_name: str
    processed_bucket_name: str
    archive_bucket_name: str
    data_processor_lambda_arn: str
    data_archiver_lambda_arn: str
    processing_queue_url: str
    dlq_url: str
    region: str
    archiver_dlq_url: str | None = None
    alarm_topic_arn: str | None = None
    batch_operations_role_arn: str | None = None
    datasets: str | None = None  # the declarations by name, as JSON
    glue_database_name: str | None = None
    athena_workgroup_name: str | None = None
    endpoint_url: str | None = None  # of the local pipeline

    @classmethod
    def from_outputs(cls, outputs: Mapping[str, object], *, origin: str) -> Self:
        """Return a stack from its outputs; `origin` says in messages where they come from.

        Raises UsageError that names every required output which is missing or not text.
        """
        missing = [name for name in _REQUIRED if not _is_text(outputs.get(name))]
        if missing:
            msg = (
                f"{origin} lacks the outputs {', '.join(missing)}; "
                "is it a stack of this project, and deployed?"
            )
            raise UsageError(msg)
        texts = {name: str(outputs[name]) for name in _REQUIRED}
        optional = {name: str(outputs[name]) for name in _OPTIONAL if _is_text(outputs.get(name))}
        region = outputs.get("region") or _region(texts["data_processor_lambda_arn"], origin)
        return cls(**texts, **optional, region=str(region))

    @property
    def has_datasets(self) -> bool:
        """Whether the stack was deployed with a dataset."""
        return self.datasets not in {None, "{}"}

    @property
    def partition(self) -> str:
        """The partition of AWS, `aws` say."""
        return self.data_processor_lambda_arn.split(":")[_PARTITION_FIELD]

    @property
    def account_id(self) -> str:
        """The account of the stack's functions."""
        return self.data_processor_lambda_arn.split(":")[_ACCOUNT_FIELD]

    @property
    def name_prefix(self) -> str:
        """What the names of the stack's resources begin with, `s3-data-pipeline-dev-` say.

        It is empty for a function that the program did not name.
        """
        return function_name(self.data_processor_lambda_arn).rpartition(_PROCESSOR)[0]

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource in the stack's account and region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account_id}:{resource}"

    def bucket_arn(self, name: str) -> str:
        """Return the ARN of a bucket."""
        return f"arn:{self.partition}:s3:::{name}"

    def queue_arn(self, url: str) -> str:
        """Return the ARN of a queue of the stack."""
        return self.arn("sqs", queue_name(url))


def find(name: str | None, file: Path | None, variables: Mapping[str, str]) -> Stack:
    """Return the stack that the options name, else the environment, else Pulumi's selected stack.

    Raises UsageError if both options are given, or if there are no outputs.
    """
    if name and file:
        msg = f"--stack {name} and --outputs {file} exclude each other: give one"
        raise UsageError(msg)
    if not name and not file and variables.get(OUTPUTS_VARIABLE):
        file = Path(variables[OUTPUTS_VARIABLE])
    return _from_file(file) if file else _from_pulumi(name)


def function_name(arn: str) -> str:
    """Return the function's name from its ARN."""
    return arn.split(":")[_NAME_FIELD]


def function_arn(arn: str) -> str:
    """Return a function's ARN without the version or alias that an ARN may name."""
    return ":".join(arn.split(":")[: _NAME_FIELD + 1])


def queue_name(url: str) -> str:
    """Return the queue's name from its URL."""
    return url.rpartition("/")[2]


def _from_file(file: Path) -> Stack:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        msg = f"the outputs file {file} cannot be read ({error.strerror})"
        raise UsageError(msg) from error
    return Stack.from_outputs(_mapping(text, f"the outputs file {file}"), origin=f"file {file}")


def _from_pulumi(name: str | None) -> Stack:
    pulumi = shutil.which("pulumi")
    if not pulumi:
        msg = (
            "no stack's outputs: the pulumi command is not installed; give --outputs FILE "
            f"(or set {OUTPUTS_VARIABLE}), the JSON of `pulumi stack output --json` or what "
            "`python -m local serve --outputs FILE` wrote"
        )
        raise UsageError(msg)
    command = [pulumi, "stack", "output", "--json", *(["--stack", name] if name else [])]
    try:
        result = subprocess.run(  # noqa: S603 a fixed command, its name by `which`
            command, cwd=_project(), capture_output=True, text=True, timeout=_PULUMI_SECONDS,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        msg = f"`{' '.join(command[1:])}` gave no answer in {_PULUMI_SECONDS} s"
        raise UsageError(msg) from None
    origin = f"stack {name}" if name else "the selected stack"
    if result.returncode:
        msg = f"pulumi cannot read the outputs of {origin}: {result.stderr.strip()}"
        raise UsageError(msg)
    return Stack.from_outputs(_mapping(result.stdout, origin), origin=origin)


def _project() -> Path | None:
    """Return the Pulumi project's folder; None, the current folder, where ops is installed."""
    return _CHECKOUT if (_CHECKOUT / "Pulumi.yaml").is_file() else None


def _mapping(text: str, origin: str) -> Mapping[str, object]:
    try:
        value: Any = json.loads(text)
    except ValueError as error:
        msg = f"{origin} is not JSON ({error})"
        raise UsageError(msg) from error
    if not isinstance(value, dict):
        msg = f"{origin} holds {text.strip()[:40]!r}, allowed: a JSON object of outputs"
        raise UsageError(msg)
    return cast("dict[str, object]", value)


def _region(function_arn: str, origin: str) -> str:
    fields = function_arn.split(":")
    if len(fields) <= _NAME_FIELD:
        msg = f"{origin}: data_processor_lambda_arn is {function_arn!r}, allowed: a function's ARN"
        raise UsageError(msg)
    return fields[_REGION_FIELD]


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)
