"""`replay --dataset`: which completed versions are sent to be processed again, and how often."""

import json
import signal
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.client import BaseClient

from handlers import keys
from handlers.invocation.events import CompletedReference, read_message
from handlers.transform.datasets.dataset import Dataset
from tests.ops import bundling
from tests.ops.bundling import Made
from tests.ops.conftest import DONE, OLD, RAW, commit, today

ORDERS: dict[str, Any] = {
    "prefix": "shop/orders/",
    "schema": {"type": "object", "properties": {"total": {"type": "number"}}},
}
VERSION = Dataset.read("orders", ORDERS).version
CURRENT = {keys.DATASET: "orders", keys.DATASET_VERSION: VERSION}


@pytest.fixture
def declared(pipeline):
    pipeline.outputs["datasets"] = json.dumps({"orders": ORDERS})
    return pipeline


def complete(pipeline: Any, name: str, **told: str) -> tuple[str, str]:
    """Do to a file what the processor does; return its completed version and its output's key."""
    key = f"incoming/{name}"
    uploaded = f"{today().isoformat()}T10:30:00Z"
    source, output = pipeline.complete(key, Metadata={keys.SOURCE_UPLOADED: uploaded})
    pipeline.put(output, b"{}\n", DONE, Metadata=commit(key, source, **told))
    return pipeline.versions(keys.completed_key(key))[0], output


def report(pipeline: Any, *words: str) -> dict[str, Any]:
    result = pipeline.run("replay", "--dataset", "orders", "--yes", "--json", *words)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def sent(pipeline: Any) -> list[Any]:
    bodies = pipeline.bodies("processing_queue_url")
    read = [read_message(body, RAW).references for body in bodies]
    return sorted((one.key, one.version) for (one,) in read if isinstance(one, CompletedReference))


def test_each_version_whose_output_is_of_another_declaration_is_sent(declared):
    old, _ = complete(declared, "shop/orders/a b+ü.csv")
    other, _ = complete(declared, "shop/orders/b.csv", **{keys.DATASET_VERSION: "another"})
    complete(declared, "shop/orders/c.csv", **CURRENT)
    complete(declared, "elsewhere/d.csv")
    asked = ("replay", "--dataset", "orders", "--dry-run", "--json")
    dry = json.loads(declared.run(*asked).stdout)
    assert (dry["due"], dry["sent"], sent(declared)) == (2, 0, [])
    found = report(declared)
    assert sent(declared) == [
        ("completed/shop/orders/a b+ü.csv", old),
        ("completed/shop/orders/b.csv", other),
    ]
    assert found == {
        "dataset": "orders",
        "version": VERSION,
        "dry_run": False,
        "sent": 2,
        "due": 2,
        "current": 1,
        "archived": 0,
        "bundled": 0,
        "without_output": 0,
        "unknown": 0,
        "repeated": 0,
        "failed": 0,
        "corrected": 0,
        "twice": 0,
    }


@pytest.mark.parametrize(("version", "due"), [("another", 1), (VERSION, 0), (None, 0)])
def test_rejects_of_another_declaration_beside_a_current_output_are_due(declared, version, due):
    """A replay was killed between the two; rejects that are gone have expired."""
    rejected = keys.rejected_keys("incoming/shop/orders/a.csv", "v", today())[0]
    told = {keys.RECORDS_REJECTED: "1", keys.REJECTED_KEY: keys.encode_value(rejected)}
    complete(declared, "shop/orders/a.csv", **CURRENT, **told)
    if version:
        named = {keys.DATASET: "orders", keys.DATASET_VERSION: version}
        declared.put(rejected, b"{}\n", DONE, Metadata=named)
    assert report(declared)["sent"] == due


@pytest.mark.parametrize(
    ("version", "others", "due"), [("another", "", 1), (VERSION, "", 0), ("another", "x", 0)]
)
def test_rejects_that_a_current_output_does_not_name_are_due(declared, version, others, due):
    """A replay that found no bad record any more was killed between the two."""
    _, output = complete(declared, "shop/orders/a.csv", **CURRENT, **{keys.RECORDS_REJECTED: "0"})
    source = declared.metadata(output)[keys.SOURCE_VERSION]
    rejected = keys.rejected_keys("incoming/shop/orders/a.csv", source, today())[0]
    told = {keys.DATASET: "orders", keys.DATASET_VERSION: version}
    told[keys.SOURCE_VERSION] = others or source
    declared.put(rejected, b"{}\n", DONE, Metadata=told)
    assert report(declared)["sent"] == due


def test_an_output_of_the_same_declaration_by_another_name_is_sent(declared):
    """The processor would replace it, too: its metadata names a dataset that is gone."""
    named = {keys.DATASET: "sales", keys.DATASET_VERSION: VERSION}
    complete(declared, "shop/orders/a.csv", **named)
    assert report(declared)["sent"] == 1


def test_what_cannot_be_replaced_is_counted_and_not_sent(declared):
    _, expired = complete(declared, "shop/orders/expired.csv")
    declared.s3.delete_object(Bucket=DONE, Key=expired)
    declared.complete("incoming/shop/orders/nameless.csv")  # no time of upload
    kept, archived = complete(declared, "shop/orders/archived.csv")
    metadata = declared.metadata(archived)
    declared.put(keys.archive_key(archived), b"{}\n", OLD, Metadata=metadata)
    declared.s3.delete_object(Bucket=DONE, Key=archived)
    completed = "completed/shop/orders/archived.csv"
    told = declared.metadata(completed, RAW)
    again = {"Metadata": told, "MetadataDirective": "REPLACE", "CopySource": f"{RAW}/{completed}"}
    declared.s3.copy_object(Bucket=RAW, Key=completed, **again)
    found = report(declared)
    assert (found["without_output"], found["unknown"], found["repeated"]) == (1, 1, 1)
    assert (found["due"], found["archived"], found["sent"]) == (0, 1, 1)
    ((key, version),) = sent(declared)
    assert key == completed
    assert version in declared.versions(completed)
    assert kept in declared.versions(completed)


def test_older_versions_of_a_key_have_outputs_of_their_own(declared):
    first, _ = complete(declared, "shop/orders/a.json")
    second, _ = complete(declared, "shop/orders/a.json")
    # The second took another name: here, that of the first would be taken.
    (source,) = {
        declared.s3.head_object(Bucket=RAW, Key="completed/shop/orders/a.json", VersionId=second)[
            "Metadata"
        ][keys.SOURCE_VERSION]
    }
    key = "incoming/shop/orders/a.json"
    plain, named, _ = keys.output_keys(key, source, today(), compressed=False)
    declared.put(named, b"{}\n", DONE, Metadata=declared.metadata(plain))
    head = declared.s3.head_object(Bucket=RAW, Key="completed/shop/orders/a.json", VersionId=first)
    declared.put(plain, b"{}\n", DONE, Metadata=commit(key, head["Metadata"][keys.SOURCE_VERSION]))
    assert report(declared)["sent"] == 2
    assert {version for _, version in sent(declared)} == {first, second}


def test_a_prefix_and_times_choose_some(declared):
    complete(declared, "shop/orders/2024/a.csv")
    complete(declared, "shop/orders/2025/b.csv")
    assert report(declared, "--prefix", "incoming/shop/orders/2025/")["sent"] == 1
    ((key, _),) = sent(declared)
    assert key == "completed/shop/orders/2025/b.csv"
    tomorrow = (today() + timedelta(days=1)).isoformat()
    assert report(declared, "--since", tomorrow)["due"] == 0
    assert report(declared, "--until", today().isoformat())["due"] == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--dataset", "order"), "--dataset is 'order', allowed: orders"),
        (("--dataset", "orders", "--prefix", "incoming/shop/"), "begins incoming/shop/orders/"),
        (("--dataset", "orders", "--record", "x"), "allowed: KEY"),
        (("--dataset", "orders", "incoming/a.csv"), "allowed: KEY"),
        (("incoming/a.csv", "--rate", "5"), "allowed: KEY"),
    ],
)
def test_what_is_not_allowed_is_said(declared, words, told):
    result = declared.run("replay", *words, "--yes")
    assert (result.exit_code, told in result.output) == (2, True), result.output


def test_what_sqs_does_not_take_is_sent_again_and_then_told(declared, monkeypatch):
    complete(declared, "shop/orders/a.csv")
    complete(declared, "shop/orders/b.csv")
    call, refusals = BaseClient._make_api_call, [1, 0]

    def refuse(client: Any, operation: str, given: dict[str, Any]) -> Any:
        if operation != "SendMessageBatch" or not (refusals and refusals.pop()):
            return call(client, operation, given)
        failed = [{"Id": "0", "Code": "Internal", "Message": "busy", "SenderFault": False}]
        rest = {**given, "Entries": given["Entries"][1:]}
        return {**(call(client, operation, rest) if rest["Entries"] else {}), "Failed": failed}

    monkeypatch.setattr(BaseClient, "_make_api_call", refuse)
    refusals[:] = [1]
    assert report(declared)["sent"] == 2
    assert len(sent(declared)) == 2
    refusals[:] = [1, 1, 1]
    result = declared.run("replay", "--dataset", "orders", "--yes")
    assert (result.exit_code, "1 messages were not accepted" in result.output) == (1, True)


def test_ctrl_c_ends_it_behind_a_batch_and_says_how_to_go_on(declared, monkeypatch):
    complete(declared, "shop/orders/a.csv")
    complete(declared, "shop/orders/b.csv")
    call = BaseClient._make_api_call

    def interrupt(client: Any, operation: str, given: dict[str, Any]) -> Any:
        if operation == "SendMessageBatch":
            signal.raise_signal(signal.SIGINT)
        return call(client, operation, given)

    monkeypatch.setattr(BaseClient, "_make_api_call", interrupt)
    result = declared.run("replay", "--dataset", "orders", "--yes", "--rate", "1")
    assert (result.exit_code, len(sent(declared))) == (1, 1), result.output
    assert "stopped after 1; the same command goes on" in result.output


def test_how_long_it_takes_follows_the_rate(declared):
    for name in ("a", "b", "c"):
        complete(declared, f"shop/orders/{name}.csv")
    result = declared.run("replay", "--dataset", "orders", "--rate", "1", "--dry-run")
    assert "Process 3 files" in result.output
    assert "about 3 s" in result.output


def test_files_whose_bad_records_were_corrected_are_told(declared):
    """By the new declaration they may be good, and then they would be in two outputs."""
    version, _ = complete(declared, "shop/orders/a.csv", **{keys.RECORDS_REJECTED: "1"})
    key = "incoming/shop/orders/a.csv"
    copy = declared.s3.head_object(Bucket=RAW, Key=keys.completed_key(key), VersionId=version)
    digest = keys.fix_digest(key, copy["Metadata"][keys.SOURCE_VERSION], b"{}")
    fix = keys.completed_key(keys.fix_key(key, digest))
    of = {
        keys.FIXES_KEY: keys.encode_value(key),
        keys.FIXES_VERSION: copy["Metadata"][keys.SOURCE_VERSION],
        keys.FIX_DIGEST: digest,
        keys.SOURCE_VERSION: "fix",
        keys.SOURCE_UPLOADED: copy["Metadata"][keys.SOURCE_UPLOADED],
    }
    complete(declared, "shop/orders/b.csv", **{keys.RECORDS_REJECTED: "1"})
    declared.s3.put_object(Bucket=RAW, Key=fix, Body=b"{}", Metadata=of)
    result = declared.run("replay", "--dataset", "orders", "--dry-run")
    assert "bad records of 1 files were corrected" in result.output
    assert result.output.count(key) == 1
    assert report(declared, "--dry-run")["corrected"] == 1


def test_a_dead_letter_of_a_replay_is_listed_sent_again_and_discarded(declared):
    version, _ = complete(declared, "shop/orders/a.csv")
    key = "completed/shop/orders/a.csv"
    body = json.dumps({"reprocess": {"key": key, "version": version}})
    declared.dead_letter(body=body, reason="9 of 10 records are bad")
    assert report(declared, "--dry-run")["failed"] == 1
    (listed,) = json.loads(declared.run("failures", "--json").stdout)
    assert (listed["key"], listed["version"], listed["problem"]) == (key, version, None)
    shown = declared.run("show", "incoming/shop/orders/a.csv", "--json", "--no-logs")
    (letter,) = json.loads(shown.stdout)["dead_letters"]
    assert (letter["reason"], shown.exit_code) == ("9 of 10 records are bad", 1)
    assert declared.run("redrive", "--key", key, "--yes", "--rate", "0").exit_code == 0
    assert (sent(declared), declared.bodies("dlq_url")) == ([(key, version)], [])
    declared.dead_letter(body=body)
    assert declared.run("discard", "--all", "--save", "saved", "--yes").exit_code == 0
    assert declared.bodies("dlq_url") == []
    tags = declared.s3.get_object_tagging(Bucket=RAW, Key=key, VersionId=version)["TagSet"]
    assert tags == []  # only what is in incoming/ needs the mark


def test_show_tells_the_dataset_of_an_output(declared):
    complete(declared, "shop/orders/a.csv", **CURRENT)
    shown = declared.run("show", "incoming/shop/orders/a.csv", "--json", "--no-logs")
    (output,) = json.loads(shown.stdout)["outputs"]
    assert (output["dataset"], output["dataset_version"]) == ("orders", VERSION)
    text = declared.run("show", "incoming/shop/orders/a.csv", "--no-logs").stdout
    assert f"orders {VERSION}" in text


def test_what_is_in_a_bundle_is_left_and_counted(declared):
    """Each bundle is read once, however many outputs it has; one that is there again is due."""
    made: list[Made] = []
    for number in range(6):
        _, output = complete(declared, f"shop/orders/{number}.csv")
        made.append(Made(key=output, metadata=declared.metadata(output)))
        if number:
            declared.s3.delete_object(Bucket=DONE, Key=output)
    key, _ = bundling.store(declared.s3, OLD, made, folder="shop/orders/")
    found = report(declared)
    assert (found["bundled"], found["due"], found["without_output"]) == (5, 1, 0)
    assert [name for name, _ in sent(declared)] == ["completed/shop/orders/0.csv"]
    asked = ("replay", "--dataset", "orders", "--dry-run")
    told = " ".join(declared.run(*asked).stdout.split())
    assert "left: its output is in a bundle, which is not rewritten 5" in told
    # Without its index it is read itself; where that cannot be, nothing is said to have no output.
    declared.s3.delete_object(Bucket=OLD, Key=keys.bundle_index_key(key))
    assert report(declared)["bundled"] == 5
    declared.put(key, b"damaged", OLD)
    found = report(declared)
    assert (found["bundled"], found["without_output"]) == (5, 0)


def test_an_output_that_a_replay_has_replaced_while_it_was_bundled_is_told(declared):
    """It stands twice: in the bundle as it was, and as it is now, bundled by now or not."""
    _, once = complete(declared, "shop/orders/once.csv", **CURRENT)
    _, standing = complete(declared, "shop/orders/standing.csv", **CURRENT)
    _, again = complete(declared, "shop/orders/again.csv", **CURRENT)
    made = [Made(key=key, metadata=declared.metadata(key)) for key in (once, standing, again)]
    old = [replace(one, metadata={**one.metadata, keys.DATASET_VERSION: "old"}) for one in made[1:]]
    # A run that bundles `once` has not deleted it yet.
    bundling.store(declared.s3, OLD, [made[0], *old], folder="shop/orders/")
    bundling.store(declared.s3, OLD, [made[2]], number=2, folder="shop/orders/")
    declared.s3.delete_object(Bucket=DONE, Key=again)
    found = report(declared)
    assert (found["twice"], found["current"], found["bundled"]) == (2, 2, 1)
    told = declared.run("replay", "--dataset", "orders", "--dry-run").output
    assert "2 outputs stand twice" in " ".join(told.split())
    assert "incoming/shop/orders/again.csv, incoming/shop/orders/standing.csv" in told
    shown = json.loads(declared.run("show", "incoming/shop/orders/standing.csv", "--json").stdout)
    (output,) = shown["outputs"]
    assert (output["key"], output["bundle"]) == (standing, None)
    assert output["older_in"] == f"bundles/{today():%Y/%m/%d}/shop/orders/000001.json.gz"
    text = declared.run("show", "incoming/shop/orders/standing.csv").stdout
    assert f"as it was before a replay in {output['older_in']}" in " ".join(text.split())
    shown = json.loads(declared.run("show", "incoming/shop/orders/once.csv", "--json").stdout)
    assert (shown["outputs"][0]["key"], shown["outputs"][0]["older_in"]) == (once, None)
