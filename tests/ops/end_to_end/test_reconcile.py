"""`reconcile` and `discard` on a running pipeline, whose clock says that files are young."""

import json

from handlers import keys
from tests.local.served import Served

PREFIX = "incoming/end-to-end/reconcile/"


def test_young_files_are_left_to_their_messages(served: Served) -> None:
    raw, s3 = served.outputs["raw_bucket_name"], served.client("s3")
    key = f"{PREFIX}bad.pdf"
    version = s3.put_object(Bucket=raw, Key=key, Body=b"%PDF")["VersionId"]
    _await_dead_letter(served, key)
    found = served.ops("reconcile", "--prefix", PREFIX, "--json")
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout)
    assert (told["looked_at"], told["under_way"], told["sent"]) == (1, 1, 0)
    discarded = served.ops("discard", "--key", key, "--yes")
    assert discarded.exit_code == 0, discarded.output
    tags = s3.get_object_tagging(Bucket=raw, Key=key, VersionId=version)["TagSet"]
    assert [tag["Key"] for tag in tags] == [keys.DISCARDED_TAG]
    s3.delete_object(Bucket=raw, Key=key, VersionId=version)


def _await_dead_letter(served: Served, key: str) -> None:
    for _ in range(100):
        found = json.loads(served.ops("failures", "--json").stdout)
        if any(one["key"] == key for one in found):
            return
    raise AssertionError(found)
