"""The commands on declarations and samples: `datasets infer`, `datasets check`."""

import typer

from ops.commands.datasets.check import check
from ops.commands.datasets.infer import infer

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def datasets() -> None:
    """Draft and try datasets, on files of this machine: no stack is asked."""


app.command("infer")(infer)
app.command("check")(check)
