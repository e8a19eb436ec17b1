"""`show` of an output in a bundle: where it is, how it can be read, and whether it is restored."""

import json
from typing import Any

import pytest

from handlers import keys
from tests.ops import bundling
from tests.ops.bundling import Made
from tests.ops.conftest import DONE, OLD, Pipeline

SOURCE = "incoming/sales/a.csv"


def told(pipeline: Pipeline, key: str, *, code: int = 0) -> dict[str, Any]:
    result = pipeline.run("show", key, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def bundle(pipeline: Pipeline, **more: Any) -> tuple[str, str, str]:
    """Complete a file and bundle its output; return its version, the output's key, the bundle's."""
    version, output = pipeline.complete(SOURCE)
    made = Made(key=output, metadata=pipeline.metadata(output))
    other = Made(key=output.replace("a.json", "0.json"))
    key, _ = bundling.store(pipeline.s3, OLD, [made, other], **more)
    pipeline.s3.delete_object(Bucket=DONE, Key=output)
    return version, output, key


@pytest.mark.parametrize("which", ["incoming", "completed", "processed", "archive"])
def test_it_is_found_by_any_of_its_keys(pipeline, which):
    version, output, key = bundle(pipeline)
    given = {
        "incoming": SOURCE,
        "completed": keys.completed_key(SOURCE),
        "processed": output,
        "archive": keys.archive_key(output),
    }[which]
    found = told(pipeline, given)
    assert found["key"] == SOURCE
    [shown] = found["outputs"]
    assert (shown["bundle"], shown["key"], shown["access"]) == (key, output, "at once")
    assert (shown["source_version"], shown["archived"], shown["bucket"]) == (version, True, OLD)
    assert shown["offset"] > 0
    assert shown["counts"]["out"] == 2
    [archived] = [one for one in found["timeline"] if one["event"] == "archived"]
    assert archived["detail"] == f"{key} at byte {shown['offset']}"


def test_an_archived_output_is_found_by_its_former_key(pipeline):
    _, output = pipeline.complete(SOURCE)
    place = {"Bucket": DONE, "Key": output}
    pipeline.s3.copy_object(Bucket=OLD, Key=keys.archive_key(output), CopySource=place)
    pipeline.s3.delete_object(**place)
    assert told(pipeline, output)["outputs"][0]["key"] == keys.archive_key(output)


def test_its_state_in_glacier_and_its_restored_copy_are_shown(pipeline):
    version, output, key = bundle(pipeline, storage_class="GLACIER")
    assert told(pipeline, SOURCE)["outputs"][0]["access"] == "not before it is retrieved"
    line = " ".join(pipeline.run("show", SOURCE).stdout.split())
    assert f"in {key} at byte " in line
    assert ", in GLACIER " in line
    pipeline.s3.restore_object(
        Bucket=OLD,
        Key=key,
        RestoreRequest={"Days": 1, "GlacierJobParameters": {"Tier": "Bulk"}},
    )
    assert told(pipeline, SOURCE)["outputs"][0]["access"] == "being retrieved"
    restored = keys.restored_key(keys.archive_key(output))
    pipeline.put(restored, b"{}\n", DONE, Metadata={keys.SOURCE_VERSION: version})
    assert told(pipeline, SOURCE)["outputs"][0]["restored_key"] == restored
    assert f"restored to {restored}" in " ".join(pipeline.run("show", SOURCE).stdout.split())


def test_a_single_output_in_glacier_tells_so_too(pipeline):
    _, output = pipeline.complete(SOURCE)
    archived = keys.archive_key(output)
    pipeline.put(archived, b"{}\n", OLD, Metadata=pipeline.metadata(output), StorageClass="GLACIER")
    pipeline.s3.delete_object(Bucket=DONE, Key=output)
    assert told(pipeline, SOURCE)["outputs"][0]["access"] == "not before it is retrieved"
    asked = {"Days": 1, "GlacierJobParameters": {"Tier": "Expedited"}}
    pipeline.s3.restore_object(Bucket=OLD, Key=archived, RestoreRequest=asked)
    assert told(pipeline, SOURCE)["outputs"][0]["access"] == "being retrieved"


def test_a_bundle_that_cannot_be_read_is_told(pipeline):
    _, output, key = bundle(pipeline, storage_class="GLACIER")
    pipeline.s3.delete_object(Bucket=OLD, Key=keys.bundle_index_key(key))
    found = told(pipeline, SOURCE)
    assert found["outputs"] == []
    assert "has no index, and is in GLACIER" in found["unread_bundles"][key]
    assert f"{key}, which may hold an output of it, has no index" in " ".join(
        pipeline.run("show", SOURCE).stderr.split()
    )
    missing = pipeline.run("show", output)
    assert missing.exit_code == 1
    assert "may be in a bundle" in missing.stderr


@pytest.mark.parametrize("index", ["lost", "damaged"])
def test_who_mends_the_index_of_a_bundle_in_glacier_is_told(pipeline, index):
    """The archiver writes one that is not there; it does not know that one is damaged."""
    _, _, key = bundle(pipeline, storage_class="GLACIER")
    where = keys.bundle_index_key(key)
    pipeline.s3.delete_object(Bucket=OLD, Key=where)
    if index == "damaged":
        pipeline.put(where, b"\x1f\x8b", OLD)
    reason = told(pipeline, SOURCE)["unread_bundles"][key]
    assert ("archive-now" in reason) is (index == "lost")
    assert ("docs/runbook.md" in reason) is (index == "damaged")


def test_a_bundle_lists_its_outputs(pipeline):
    version, output, key = bundle(pipeline)
    found = told(pipeline, key)
    assert (found["bundle"], found["access"]) == (key, "at once")
    first, second = found["outputs"]
    assert (second["key"], second["source_key"], second["source_version"]) == (
        output,
        SOURCE,
        version,
    )
    assert (first["offset"], second["offset"]) == (0, first["length"])
    text = pipeline.run("show", key).stdout
    assert text.startswith(f"{key}  2 outputs, ")
    assert output in text
    assert pipeline.run("show", "bundles/2024/01/15/000001.json.gz").exit_code == 1


def test_status_counts_bundles_with_the_archive(pipeline):
    _, _, key = bundle(pipeline)
    pipeline.put("archive/2024/01/15/a.json", b"12345", OLD)
    size = pipeline.s3.head_object(Bucket=OLD, Key=key)["ContentLength"]
    archived = json.loads(pipeline.run("status", "--json").stdout)["archived"]
    assert (archived["objects"], archived["size"]) == (2, size + 5)
