"""A folder is small enough to be seen at once, and says in one sentence what it is for."""

import ast
import re
from pathlib import Path

import pytest

from tests.contracts import packages
from tests.contracts.packages import ROOT

MAX_ENTRIES = 12
BY_NAME = {str(it.relative_to(ROOT)): it for top in packages.TOPS for it in packages.folders(top)}
ORDERED = [name for name in BY_NAME if name.split("/")[0] in ("handlers", "local", "ops")]
# What stands for more than itself: the version that every part of the project reports.
WITH_CODE = {"handlers": ["__version__"]}


def entries(folder: Path) -> list[str]:
    names = [path.name for path in folder.iterdir() if not path.name.startswith((".", "__pycache"))]
    return [name for name in names if not name.startswith(("__init__.", "requirements."))]


def is_one_sentence(text: str) -> bool:
    """Return whether a text is one sentence, behind which "Pure." may say that it does no I/O."""
    alone = re.sub(r" Pure(, as a stream)?\.$", "", text)
    return bool(re.fullmatch(r"[^.!?]+(\.\w[^.!?]*)*\.", alone))


@pytest.mark.parametrize("name", ORDERED)
def test_a_folder_has_few_entries(name: str):
    assert 1 <= len(entries(BY_NAME[name])) <= MAX_ENTRIES


@pytest.mark.parametrize("name", ORDERED)
def test_a_package_says_in_one_sentence_what_it_is_for(name: str):
    assert is_one_sentence(packages.sentence(BY_NAME[name]))


@pytest.mark.parametrize(
    ("text", "one"),
    [
        ("Text comes in; records go out.", True),
        ("What `keys.py` makes comes in; objects go out. Pure.", True),
        ("Text comes in. Records go out.", False),
        ("Text comes in; records go out", False),
        ("", False),
    ],
)
def test_what_one_sentence_is(text: str, one: bool):
    assert is_one_sentence(text) == one


@pytest.mark.parametrize("name", ORDERED)
def test_a_package_has_no_code_of_its_own(name: str):
    tree = ast.parse((BY_NAME[name] / "__init__.py").read_text(encoding="utf-8"))
    assigned = [
        ast.unparse(target) for it in tree.body[1:] for target in getattr(it, "targets", [it])
    ]
    assert assigned == WITH_CODE.get(name, [])


@pytest.mark.parametrize("top", ["handlers", "local", "ops"])
def test_every_folder_with_code_is_a_package(top: str):
    with_code = {path.parent for path in (ROOT / top).rglob("*.py")}
    assert with_code == set(packages.folders(top))


def test_the_map_names_every_package():
    named = set(re.findall(r"^\| `([^`]+)/` \| \S", packages.table(), re.MULTILINE))
    folded = {name for name in BY_NAME if name.startswith("local/account/strict/")}
    assert named == set(BY_NAME) - folded
