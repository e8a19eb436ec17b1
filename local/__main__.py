"""Entry of `python -m local`."""

from local.commands.signals import ended_at_once

with ended_at_once():
    from local.commands.parser import app

app(prog_name="python -m local")
