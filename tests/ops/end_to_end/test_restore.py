"""`restore` on outputs that the archiver moved, and on one that is in GLACIER."""

import json
import time
from pathlib import Path
from typing import Any

from tests.local.served import Served

FOLDER = "end-to-end/restore"


def stored(served: Served, bucket: str, key: str) -> dict[str, Any]:
    answer = served.client("s3").get_object(Bucket=served.outputs[bucket], Key=key)
    return {
        "body": answer["Body"].read(),
        "type": answer["ContentType"],
        "metadata": answer["Metadata"],
    }


def archived(served: Served, *names: str) -> dict[str, str]:
    """Upload files, archive their outputs, and return these as they were, by the archived key."""
    for name in names:
        Path(name).write_text(f"Name\n{name}\n")
    uploaded = served.ops("upload", *names, "--prefix", FOLDER, "--wait")
    assert uploaded.exit_code == 0, uploaded.output
    before: dict[str, Any] = {}
    for name in names:
        shown = served.ops("show", f"incoming/{FOLDER}/{name}", "--json")
        [output] = json.loads(shown.stdout)["outputs"]
        before[f"archive/{output['key'].removeprefix('processed/')}"] = stored(
            served, "processed_bucket_name", output["key"]
        )
    moved = served.ops("archive-now", "--time", "2100-01-01", "--wait", "--yes")
    assert moved.exit_code == 0, moved.output
    return before


def test_archived_outputs_come_back_to_restored_and_to_a_folder(served: Served) -> None:
    before = archived(served, "a b.csv", "é.csv")
    done = served.ops("restore", *before, "--yes")
    assert done.exit_code == 0, done.output
    for key, output in before.items():
        restored = key.replace("archive/", "restored/")
        assert stored(served, "processed_bucket_name", restored) == output
    [one, _] = before
    down = served.ops("restore", f"incoming/{FOLDER}/a b.csv", "--yes", "--to", "here")
    assert down.exit_code == 0, down.output
    file = Path("here", *one.split("/")[1:])
    assert file.read_bytes() == before[one]["body"]
    shown = served.ops("show", one)
    assert f"archived, restored to {one.replace('archive/', 'restored/')}" in shown.stdout
    # The archiver leaves restored outputs where they are.
    assert served.ops("archive-now", "--time", "2100-01-01", "--wait", "--yes").exit_code == 0
    assert stored(served, "processed_bucket_name", one.replace("archive/", "restored/"))


def test_what_glacier_holds_is_asked_for_and_restored_by_a_later_run(served: Served) -> None:
    before = archived(served, "old.csv")
    [key] = before
    bucket = served.outputs["archive_bucket_name"]
    served.client("s3").copy_object(
        Bucket=bucket, Key=key, CopySource={"Bucket": bucket, "Key": key}, StorageClass="GLACIER"
    )
    shown = served.ops("restore", key, "--dry-run")
    assert f"would have {key} retrieved" in shown.stdout
    asked = served.ops("restore", key, "--yes", "--tier", "expedited")
    assert asked.exit_code == 0, asked.output
    assert f"asked for  {key}" in asked.stdout
    restored = key.replace("archive/", "restored/")
    end = time.monotonic() + 60
    while (
        f"restored  s3://{served.outputs['processed_bucket_name']}/{restored}"
        not in (resumed := served.ops("restore", key, "--resume")).stdout
    ):
        assert resumed.exit_code == 0, resumed.output
        assert time.monotonic() < end
        time.sleep(0.2)
    assert stored(served, "processed_bucket_name", restored) == before[key]
