"""Entry of `python -m ops`, and of `s3-data-pipeline` where the package is installed."""

import signal

_before = signal.getsignal(signal.SIGINT)
if _before is signal.default_int_handler:  # while it imports, Ctrl-C ends it without a trace
    signal.signal(signal.SIGINT, signal.SIG_DFL)
from ops.commands.app import app  # noqa: E402

signal.signal(signal.SIGINT, _before)


def main() -> None:
    """Run the command that the program's arguments name, and exit with its code."""
    app(prog_name="s3-data-pipeline")


if __name__ == "__main__":
    app(prog_name="python -m ops")
