import shutil
from pathlib import Path

import orjson
import pytest

import handlers
from handlers.invocation.build import code_digest

PACKAGE = Path(handlers.__file__).parent


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return another place with the same code, and with what Python leaves beside it."""
    target = tmp_path / "elsewhere"
    shutil.copytree(PACKAGE, target)
    (target / "__pycache__").mkdir(exist_ok=True)
    (target / "__pycache__" / "keys.cpython-399.pyc").write_bytes(b"compiled")
    return target


def test_the_same_code_has_the_same_digest_wherever_it_lies(copy):
    assert code_digest(copy) == code_digest()


@pytest.mark.parametrize("name", ["keys.py", "transform/delimited/rows.py", "__init__.py"])
def test_a_byte_of_the_code_changes_it_though_the_version_stays(copy, name):
    path = copy / name
    path.write_bytes(path.read_bytes() + b"\n")
    assert code_digest(copy) != code_digest()


def test_a_name_of_a_module_changes_it(copy):
    (copy / "keys.py").rename(copy / "keys_.py")
    assert code_digest(copy) != code_digest()


def test_another_orjson_changes_it(copy, monkeypatch):
    before = code_digest()
    monkeypatch.setattr(orjson, "__version__", "0.0")
    assert code_digest(copy) != before
