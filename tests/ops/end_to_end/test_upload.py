"""`upload --wait` and `show`, as a user runs them."""

import json
from pathlib import Path

from tests.local.served import Served


def test_a_file_is_followed_to_its_output_and_shown(served: Served, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("A,B\n1,2\n")
    uploaded = served.ops("upload", "a.csv", "--prefix", "end-to-end/upload", "--wait")
    assert uploaded.exit_code == 0, uploaded.output
    shown = served.ops("show", "incoming/end-to-end/upload/a.csv", "--json")
    assert shown.exit_code == 0, shown.output
    (output,) = json.loads(shown.stdout)["outputs"]
    body = served.client("s3").get_object(Bucket=output["bucket"], Key=output["key"])["Body"].read()
    assert body.startswith(b'{"a":"1","b":"2","_metadata":')
