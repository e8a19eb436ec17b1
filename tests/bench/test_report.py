"""Tables of results.md that are measured alone."""

from bench.report import replace, with_row
from bench.tables import Table

PAGE = "# Page\n\n## Before\n\ntext\n\n## Behind\n\nmore\n"


def table(*row):
    return Table(title="Rows", columns=("objects", "chains", "hours"), rows=[row], note="A note.")


def test_a_row_takes_the_place_of_its_own_and_leaves_the_others(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    for row in [("1,000", "4", "0.1"), ("200", "16", "0.2"), ("200", "4", "-"), ("200", "16", "9")]:
        replace(with_row(table(*row), page, keys=2), page, behind="Before")
    rows = "| 200 | 4 | - |\n| 200 | 16 | 9 |\n| 1,000 | 4 | 0.1 |\n"
    head = "## Rows\n\n| objects | chains | hours |\n|---|---|---|\n"
    before, behind = PAGE.split("## Behind")
    assert page.read_text() == f"{before}{head}{rows}\nA note.\n\n## Behind{behind}"
