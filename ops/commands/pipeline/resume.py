"""End a pause: the processing queue is polled again."""

from ops.commands.group import connect
from ops.commands.options import DryRun, OutputsFile, StackName, Timeout
from ops.dead_letters.queue_contents import depth
from ops.pipeline import polling
from ops.terminal import screen


def resume(
    *,
    timeout: Timeout = 300,
    stack: StackName = None,
    outputs: OutputsFile = None,
    dry_run: DryRun = False,
) -> None:
    """End a pause: what waits in the processing queue is processed.

    Enables the queue's event source mapping, and waits until it is enabled. Running it twice does
    no harm.
    """
    account = connect(stack, outputs)
    if dry_run:
        screen.say(f"would enable the mapping of {account.stack.processing_queue_url}")
        return
    with screen.working("resuming"):
        polling.set_enabled(account, enabled=True, seconds=timeout)
        waiting, in_flight = depth(account.sqs, account.stack.processing_queue_url)
    screen.say(f"Lambda polls the queue: {waiting + in_flight} messages are to be processed")
