"""Entry of `python -m ops`."""

from ops.commands import app

app(prog_name="ops")
