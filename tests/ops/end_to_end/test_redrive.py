"""`failures`, `redrive` by reason, age and rate, and `discard`, as a user runs them."""

import json
import time
from pathlib import Path
from typing import Any

from tests.local.served import Served

PREFIX = "end-to-end/redrive"
OURS = f"incoming/{PREFIX}/*"
WAIT_SECONDS = 60


def listed(served: Served, *words: str) -> list[dict[str, Any]]:
    result = served.ops("failures", "--key", OURS, "--json", *words)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def wait_for(served: Served, count: int) -> list[dict[str, Any]]:
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        found = listed(served)
        if len(found) == count:
            return found
        time.sleep(0.3)
    raise AssertionError(found)


def test_bad_files_are_selected_by_reason_kind_and_age_and_sent_back(
    served: Served, tmp_path: Path
) -> None:
    (tmp_path / "broken.json").write_text('{"a":')
    (tmp_path / "open.csv").write_text('a,b\n1,"2\n')
    sent = served.ops("upload", "broken.json", "open.csv", "--prefix", PREFIX)
    assert sent.exit_code == 0, sent.output
    first = wait_for(served, 2)
    assert {one["kind"] for one in first} == {"permanent"}

    quote = listed(served, "--reason", "QUOTE")
    assert [one["key"] for one in quote] == [f"incoming/{PREFIX}/open.csv"]
    assert listed(served, "--kind", "transient") == []
    assert listed(served, "--older-than", "1h") == []
    words = ("redrive", "--key", OURS, "--reason", "quote", "--newer-than", "1h", "--rate", "5")
    assert "would send" in served.ops(*words, "--dry-run").stdout
    result = served.ops(*words, "--yes")
    assert (result.exit_code, "sent back: 1" in result.stdout) == (0, True), result.output

    def ids(found: list[dict[str, Any]]) -> set[str]:
        return {one["message_id"] for one in found}

    again = wait_for(served, 2)  # it fails again, as the help says, in a dead letter of its own
    assert len(ids(again) & ids(first)) == 1
    gone = served.ops("discard", "--key", OURS, "--kind", "permanent", "--save", "s", "--yes")
    assert gone.exit_code == 0, gone.output
    assert len(Path("s").read_text().splitlines()) == 2
    assert listed(served) == []
