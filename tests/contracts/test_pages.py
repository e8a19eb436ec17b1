"""The parts of the pages that code makes are what the code says."""

import re

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


# The AWS calls that pages ask of a person: no command of `ops` makes them.
BY_HAND = {
    # before there is a stack, and what is copied from a bucket that is not the stack's
    "sso login", "iam create-policy", "s3 cp",
    # what belongs to an account or to an auditor, not to a stack: docs/controls.md says why
    "s3api put-object-lock-configuration", "s3api put-bucket-replication",
    "cloudtrail put-event-selectors",
    # what somebody wrote over in the archive, where no operator may write: its first version
    "s3api restore-object", "s3api copy-object", "s3api put-object",
    # what deletes for good, or undoes that, with credentials that operators lack
    "logs delete-log-stream", "s3api list-object-versions", "s3api delete-object",
    "lambda list-versions-by-function", "lambda delete-function", "lambda delete-alias",
    # what the pages name as an example of a call
    "logs filter-log-events",
}  # fmt: skip


def test_a_person_makes_no_call_that_a_command_makes():
    called = {
        call
        for page in pages.pages()
        for call in re.findall(r"(?:`|\$ )aws ([a-z0-9]+ [a-z0-9-]+)", pages.read(page))
    }
    assert called == BY_HAND


def test_a_part_that_differs_is_seen_and_written_anew():
    part = Part("PAGE.md", "it", lambda: "new \\1")
    page = "above\n<!-- it: begin -->\nold\n<!-- it: end -->\nbelow\n"
    written = "above\n<!-- it: begin -->\nnew \\1\n<!-- it: end -->\nbelow\n"
    assert pages.filled(page, part) == written
    assert pages.filled(written, part) == written
    with pytest.raises(ValueError, match=r"PAGE.md has <!-- it: begin --> … .* 0 times"):
        pages.filled("above\n", part)
