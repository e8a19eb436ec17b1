"""`rejects` and `rejects --fix`, as a user runs them: bad rows, and what corrects them."""

import json
from pathlib import Path
from typing import Any

from tests.local.served import Served

FOLDER = "end-to-end/rejects"
KEY = f"incoming/{FOLDER}/a.csv"


def told(served: Served, *words: str) -> Any:
    result = served.ops(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_bad_rows_are_shown_corrected_once_and_told_of_both_files(
    served: Served, tmp_path: Path
) -> None:
    rows = [f"{number},x" for number in range(30)]
    (tmp_path / "a.csv").write_text("\n".join(["id,name", *rows, "30", "31,y,z", ""]))
    uploaded = served.ops("upload", "a.csv", "--prefix", FOLDER, "--wait")
    assert uploaded.exit_code == 0, uploaded.output

    found = told(served, "rejects", KEY)
    assert [(one["line"], one["raw"]) for one in found["records"]] == [(32, "30"), (33, "31,y,z")]
    assert "line 32" in served.ops("rejects", found["rejected_key"]).stdout
    assert served.ops("rejects", KEY, "--csv").stdout.count("\n") == 3

    (tmp_path / "fix.csv").write_text("id,name\n30,\n31\n")
    broken = served.ops("rejects", KEY, "--fix", "fix.csv", "-y")
    assert (broken.exit_code, "line 3: 1 cells" in broken.output) == (2, True)
    (tmp_path / "fix.csv").write_text("id,name\n30,w\n31,y\n")
    sent = served.ops("rejects", KEY, "--fix", "fix.csv", "-y", "--wait")
    assert sent.exit_code == 0, sent.output
    assert "2 in, 2 out" in sent.stdout
    again = served.ops("rejects", KEY, "--fix", "fix.csv", "-y", "--wait")
    assert again.exit_code == 0, again.output
    assert "sent before, processed" in again.stdout

    (link,) = told(served, "show", KEY)["fixed_by"]
    assert (link["state"], link["of_version"]) == ("completed", found["version"])
    fixed = told(served, "show", link["key"])
    assert fixed["fixes"] == [{"key": KEY, "version": found["version"]}]
    (output,) = fixed["outputs"]
    body = served.client("s3").get_object(Bucket=output["bucket"], Key=output["key"])["Body"]
    records = [json.loads(line) for line in body.read().splitlines()]
    assert [(one["id"], one["name"]) for one in records] == [("30", "w"), ("31", "y")]
