"""`python -m local`: the pipeline on this machine."""

from local.commands import app

app(prog_name="python -m local")
