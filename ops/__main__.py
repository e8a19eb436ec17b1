"""Entry of `python -m ops`."""

import signal

# While it imports, Ctrl-C ends it without a trace.
_before = signal.signal(signal.SIGINT, signal.SIG_DFL)
from ops.commands import app  # noqa: E402

signal.signal(signal.SIGINT, _before)
app(prog_name="python -m ops")
