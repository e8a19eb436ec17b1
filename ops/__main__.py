"""Entry of `python -m ops`."""

import signal

_before = signal.getsignal(signal.SIGINT)
if _before is signal.default_int_handler:  # while it imports, Ctrl-C ends it without a trace
    signal.signal(signal.SIGINT, signal.SIG_DFL)
from ops.commands.app import app  # noqa: E402

signal.signal(signal.SIGINT, _before)
app(prog_name="python -m ops")
