"""`show` and `restore` on outputs in a bundle, at once and from GLACIER."""

import json
import time
from pathlib import Path
from typing import Any

from handlers import keys
from tests.local.served import Served
from tests.ops import bundling
from tests.ops.bundling import Made

FOLDER = "end-to-end/bundles"


def stored(served: Served, key: str) -> dict[str, Any]:
    place = {"Bucket": served.outputs["processed_bucket_name"], "Key": key}
    answer = served.client("s3").get_object(**place)
    return {
        "body": answer["Body"].read(),
        "type": answer["ContentType"],
        "metadata": answer["Metadata"],
    }


def bundled(served: Served, number: int, *names: str, **more: Any) -> tuple[str, list[Made]]:
    """Upload files, and move their outputs into a bundle; return its key, and what they were."""
    for name in names:
        Path(name).write_text(f"Name\n{name}\n")
    uploaded = served.ops("upload", *names, "--prefix", FOLDER, "--wait")
    assert uploaded.exit_code == 0, uploaded.output
    made: list[Made] = []
    for name in names:
        key = told(served, f"incoming/{FOLDER}/{name}")["key"]
        was = stored(served, key)
        headers = {"ContentType": was["type"]}
        made.append(Made(key=key, body=was["body"], metadata=was["metadata"], headers=headers))
    s3, outputs = served.client("s3"), served.outputs
    bundle, _ = bundling.store(s3, outputs["archive_bucket_name"], made, number=number, **more)
    for one in made:
        s3.delete_object(Bucket=outputs["processed_bucket_name"], Key=one.key)
    return bundle, made


def told(served: Served, key: str) -> dict[str, Any]:
    shown = served.ops("show", key, "--json")
    assert shown.exit_code == 0, shown.output
    [output] = json.loads(shown.stdout)["outputs"]
    return output


def is_restored(served: Served, one: Made) -> bool:
    restored = keys.restored_key(keys.archive_key(one.key))
    expected = {
        "body": one.body,
        "type": one.headers["ContentType"],
        "metadata": dict(one.metadata),
    }
    return stored(served, restored) == expected


def test_outputs_in_a_bundle_are_shown_and_come_back(served: Served) -> None:
    bundle, [first, second] = bundled(served, 901, "a b.csv", "é.csv")
    shown = told(served, first.key)
    assert (shown["bundle"], shown["access"], shown["key"]) == (bundle, "at once", first.key)
    listed = served.ops("show", bundle, "--json")
    assert [one["key"] for one in json.loads(listed.stdout)["outputs"]] == sorted(
        [first.key, second.key]
    )
    done = served.ops("restore", f"incoming/{FOLDER}/a b.csv", "--yes")
    assert done.exit_code == 0, done.output
    assert is_restored(served, first)
    assert told(served, first.key)["restored_key"] == keys.restored_key(keys.archive_key(first.key))
    down = served.ops("restore", bundle, "--yes", "--to", "here")
    assert down.exit_code == 0, down.output
    for one in (first, second):
        assert Path("here", *one.key.split("/")[1:]).read_bytes() == one.body


def test_a_bundle_in_glacier_is_asked_for_and_read_by_a_later_run(served: Served) -> None:
    bundle, made = bundled(served, 902, "c.csv", "d.csv", storage_class="GLACIER")
    assert told(served, f"incoming/{FOLDER}/c.csv")["access"] == "not before it is retrieved"
    names = [one.key for one in made]
    asked = served.ops("restore", *names, "--yes", "--tier", "expedited")
    assert asked.exit_code == 0, asked.output
    assert asked.stdout.count(f"asked for  {bundle}") == 1
    end = time.monotonic() + 60
    while "restored  s3://" not in (resumed := served.ops("restore", *names, "--resume")).stdout:
        assert resumed.exit_code == 0, resumed.output
        assert time.monotonic() < end
        time.sleep(0.2)
    assert all(is_restored(served, one) for one in made)
