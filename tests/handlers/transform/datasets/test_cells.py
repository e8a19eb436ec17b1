import pytest

from handlers.transform.datasets.cells import typed
from tests.handlers.transform.datasets.cell_table import TABLE, Row
from tests.handlers.transform.datasets.declared import field, result

FILLER = {"string": "x", "integer": "1", "number": "1", "boolean": "true"}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.cell!r} as {row.kind}")
def test_a_cell_becomes_what_the_table_says(row: Row):
    """Alone, and in a block that is proved as a whole but for it."""
    filler = FILLER.get(row.kind, "")
    for before in (0, 40):
        rows = [f"{filler};k"] * before + [f'"{row.cell.replace(chr(34), chr(34) * 2)}";k']
        data = "\n".join(["value;key", *rows]).encode()
        records, rejects, empty = result(data, ".csv", field(row.kind))
        assert empty == 0
        if row.written is None:
            assert rejects == [(f"line {before + 2}", "value", "type")]
            assert len(records) == before
        else:
            value = f'"value":{row.written},' if row.written else ""
            assert records[-1] == f'{{{value}"key":"k"}}'.encode()
            assert (len(records), rejects) == (before + 1, [])


def test_a_string_is_never_changed():
    assert typed("٣ +007 ", "string") == "٣ +007 "
