"""The parts of the pages that code makes are what the code says."""

import pytest

from tests.contracts import pages
from tests.contracts.pages import PARTS, Part


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_a_part_is_what_the_code_says(part: Part):
    text = pages.read(part.page)
    assert text == pages.filled(text, part), f"`make docs` writes {part.page} anew"


@pytest.mark.parametrize("page", pages.pages())
def test_every_marker_has_its_part(page: str):
    assert sorted(pages.marked(page)) == sorted(it.name for it in PARTS if it.page == page)


def test_a_part_that_differs_is_seen_and_written_anew():
    part = Part("PAGE.md", "it", lambda: "new \\1")
    page = "above\n<!-- it: begin -->\nold\n<!-- it: end -->\nbelow\n"
    written = "above\n<!-- it: begin -->\nnew \\1\n<!-- it: end -->\nbelow\n"
    assert pages.filled(page, part) == written
    assert pages.filled(written, part) == written
    with pytest.raises(ValueError, match=r"PAGE.md has <!-- it: begin --> … .* 0 times"):
        pages.filled("above\n", part)
