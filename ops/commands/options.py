"""The options that several commands have."""

from pathlib import Path
from typing import Annotated

from typer import Option

StackName = Annotated[
    str | None,
    Option("--stack", metavar="NAME", help="Pulumi stack; without it, the selected one."),
]
OutputsFile = Annotated[
    Path | None,
    Option(
        "--outputs",
        metavar="FILE",
        help="JSON of the stack's outputs, instead of asking Pulumi"
        " [env: S3_DATA_PIPELINE_OUTPUTS].",
    ),
]
AsJson = Annotated[bool, Option("--json", help="Print JSON.")]
DryRun = Annotated[bool, Option("--dry-run", help="Print each step and change nothing.")]
Yes = Annotated[bool, Option("--yes", "-y", help="Do not ask for confirmation.")]

Every = Annotated[bool, Option("--all", help="Every dead letter.")]
KeyGlobs = Annotated[
    list[str] | None,
    Option(
        "--key",
        metavar="GLOB",
        help="Messages whose key matches, as 'incoming/sales/*.csv'; repeatable.",
    ),
]
Versions = Annotated[
    list[str] | None,
    Option("--version", metavar="V", help="Messages about this source version; repeatable."),
]
Messages = Annotated[
    list[str] | None,
    Option("--message", metavar="ID", help="The message with this id; repeatable."),
]
