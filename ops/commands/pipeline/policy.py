"""Print an IAM policy."""

from typing import Annotated

import typer

from ops.commands.group import connect
from ops.commands.options import OutputsFile, StackName
from ops.pipeline import access_policies
from ops.pipeline.access_policies import Role
from ops.terminal import screen


def policy(
    role: Annotated[
        Role,
        typer.Argument(
            metavar="ROLE", help="operator, reader, producer, consumer, doctor, smoke or query."
        ),
    ],
    *,
    kms_key_arn: Annotated[
        str | None,
        typer.Option("--kms-key-arn", metavar="ARN", help="The stack's kmsKeyArn, if it is set."),
    ] = None,
    stack: StackName = None,
    outputs: OutputsFile = None,
) -> None:
    """Print an IAM policy for people who work with this stack.

    The operator may use every command, the reader those that change nothing; doctor and query need
    their own policy beside one of these, smoke its own beside the operator's. The producer uploads
    files to incoming/, the consumer reads processed/ and restored/, and queries the datasets if
    there are any. Makes no call to AWS.
    """
    account = connect(stack, outputs)
    screen.document(access_policies.policy(account.stack, role, kms_key_arn=kms_key_arn))
