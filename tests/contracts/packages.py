"""The packages, as CONTRIBUTING.md lists them: each with the sentence of its `__init__`."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What runs, in the order of a file's way: made, run in Lambda, run here, operated.
TOPS = ("infra", "handlers", "local", "ops", "policy", "bench")
# Its folders are moto's, rule by rule: `local/account/strict` stands for them in the map.
_FOLDED = "local/account/strict/"


def folders(top: str) -> Iterator[Path]:
    """Yield a package and all packages within it, in the order of their paths."""
    for path in sorted((ROOT / top).rglob("__init__.py")):
        if not any(part.startswith(".") for part in path.relative_to(ROOT).parts):
            yield path.parent


def sentence(folder: Path) -> str:
    """Return what a package's `__init__` says, on one line; "" where it says nothing."""
    tree = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
    return " ".join((ast.get_docstring(tree) or "").split())


def table() -> str:
    """Return the packages as a table."""
    names = [f"{folder.relative_to(ROOT)}/" for top in TOPS for folder in folders(top)]
    shown = [name for name in names if name == _FOLDED or not name.startswith(_FOLDED)]
    rows = [f"| `{name}` | {sentence(ROOT / name)} |" for name in shown]
    return "\n".join(["| package | what it does |", "|---|---|", *rows])
