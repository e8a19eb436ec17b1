"""Pause the pipeline: files wait in the processing queue."""

from ops.commands.group import connect
from ops.commands.options import DryRun, OutputsFile, StackName, Timeout
from ops.dead_letters.queue_contents import depth
from ops.pipeline import polling
from ops.terminal import instants, screen
from ops.terminal.problems import OperatorError

_DIRECT = (
    "S3 invokes the processor itself (processingQueue is false), so that nothing can make files "
    "wait: set processingQueue to true, run `pulumi up`, then `pause`"
)


def pause(
    *,
    timeout: Timeout = 300,
    stack: StackName = None,
    outputs: OutputsFile = None,
    dry_run: DryRun = False,
) -> None:
    """Pause the pipeline: files that arrive wait in the processing queue.

    Disables the queue's event source mapping, and waits until it is disabled; what is being
    processed goes on to its end. SQS deletes a message after queueRetentionDays. Running it twice
    does no harm; `resume` ends the pause.
    """
    account = connect(stack, outputs)
    if polling.is_direct(account):
        raise OperatorError(_DIRECT)
    if dry_run:
        screen.say(f"would disable the mapping of {account.stack.processing_queue_url}")
        return
    with screen.working("pausing"):
        paused = polling.set_enabled(account, enabled=False, seconds=timeout)
        waiting, in_flight = depth(account.sqs, account.stack.processing_queue_url)
    screen.say(
        f"paused since {instants.shown(paused.changed)}: {waiting + in_flight} messages wait, each "
        f"at most {instants.age(paused.retention_seconds)}; `resume` has them processed"
    )
