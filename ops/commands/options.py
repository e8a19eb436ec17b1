"""The options that several commands have."""

from pathlib import Path
from typing import Annotated

from typer import Option

from ops.dead_letters.messages import Kind

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
Timeout = Annotated[float, Option("--timeout", metavar="SECONDS", min=1, help="How long to wait.")]
Yes = Annotated[bool, Option("--yes", "-y", help="Do not ask for confirmation.")]

Every = Annotated[bool, Option("--all", help="Every dead letter.")]
KeyGlobs = Annotated[
    list[str] | None,
    Option("--key", metavar="GLOB", help="Its key matches, as 'incoming/sales/*.csv'; repeatable."),
]
Versions = Annotated[
    list[str] | None,
    Option("--version", metavar="V", help="It is about this source version; repeatable."),
]
Messages = Annotated[
    list[str] | None, Option("--message", metavar="ID", help="It has this id; repeatable.")
]
Reasons = Annotated[
    list[str] | None,
    Option(
        "--reason",
        metavar="TEXT",
        help="Its reason, as `failures` shows it, contains this; killed for what was killed, timed"
        " out or not started; repeatable.",
    ),
]
Kinds = Annotated[
    list[Kind] | None,
    Option("--kind", help="The processor gave it this kind; repeatable."),
]
OlderThan = Annotated[
    str | None,
    Option("--older-than", metavar="AGE", help="It was sent this long ago or longer, as 2h."),
]
NewerThan = Annotated[
    str | None,
    Option("--newer-than", metavar="AGE", help="It was sent this long ago or less, as 30min."),
]
