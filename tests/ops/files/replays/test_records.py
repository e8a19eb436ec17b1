"""An interrupted replay continues where it was, and copies no file twice."""

import json
import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient

from handlers import keys
from ops.files.replays import copying as replays
from ops.files.replays.records import Record

RAW = "pipeline-raw"
FILES = 5


def fill(pipeline: Any) -> None:
    for number in range(FILES):
        pipeline.put(f"completed/sales/{number:02d}.json", b"{}")


def copies(pipeline: Any) -> Counter[str]:
    page = pipeline.s3.list_object_versions(Bucket=RAW, Prefix="incoming/")
    return Counter(one["Key"] for one in page.get("Versions", []))


def stop_after(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Press Ctrl-C in place of the copy after so many."""
    original = replays.copies.renew
    left = ["a copy"] * count

    def stopping(*arguments: Any) -> str:
        if not left:
            raise KeyboardInterrupt
        left.pop()
        return original(*arguments)

    monkeypatch.setattr(replays, "COPIES_AT_ONCE", 1)
    monkeypatch.setattr(replays.copies, "renew", stopping)


def test_a_stopped_replay_continues_from_its_record_and_copies_none_twice(pipeline, monkeypatch):
    fill(pipeline)
    with monkeypatch.context() as patch:
        stop_after(patch, 2)
        words = ("--prefix", "completed/sales/", "--record", "r.ndjson", "--yes")
        stopped = pipeline.run("replay", *words)
    assert stopped.exit_code == 1
    assert "replay --resume r.ndjson" in stopped.stderr
    begun = copies(pipeline)
    assert len(begun) == 2
    # Meanwhile one that was copied is processed, and another file is completed.
    pipeline.complete(min(begun), b"{}")
    pipeline.put("completed/sales/new.json", b"{}")
    before = copies(pipeline)
    resumed = pipeline.run("replay", "--resume", "r.ndjson", "--yes")
    assert resumed.exit_code == 0, resumed.output
    added = copies(pipeline) - before
    assert set(added.values()) == {1}
    assert added.keys() | begun.keys() == {f"incoming/sales/{n:02d}.json" for n in range(FILES)}
    assert not added.keys() & begun.keys()


def test_a_whole_record_has_nothing_left(pipeline):
    fill(pipeline)
    assert pipeline.run("replay", "--prefix", "completed/", "--record", "r", "-y").exit_code == 0
    again = pipeline.run("replay", "--resume", "r", "--yes")
    assert (again.exit_code, again.stdout) == (0, "no completed file is selected\n")
    assert set(copies(pipeline).values()) == {1}


def test_what_failed_is_tried_again_by_the_record(pipeline, monkeypatch):
    fill(pipeline)
    original = BaseClient._make_api_call

    def failing(self, operation, parameters):
        if operation == "CopyObject" and parameters["Key"].endswith("3.json"):
            raise self.exceptions.ClientError({"Error": {"Code": "SlowDown"}}, operation)
        return original(self, operation, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", failing)
        result = pipeline.run("replay", "--prefix", "completed/", "--record", "r", "--yes")
    assert result.exit_code == 1
    assert "1 of 5 files were not replayed; `replay --resume r` tries those again" in result.stderr
    assert pipeline.run("replay", "--resume", "r", "--yes").exit_code == 0
    assert copies(pipeline) == {f"incoming/sales/{n:02d}.json": 1 for n in range(FILES)}


@pytest.mark.parametrize("processed", [False, True])
def test_a_copy_that_was_not_noted_is_not_made_again(pipeline, processed):
    fill(pipeline)
    pipeline.run("replay", "--prefix", "completed/", "--record", "r", "--yes")
    file = Path("r")
    text = file.read_text()
    file.write_text(text[: text.rindex('"of"')])  # as a power failure leaves it
    if processed:
        lost = json.loads(text.splitlines()[-1])
        pipeline.finish(lost["done"].replace("completed/", "incoming/"), lost["version"])
    before = copies(pipeline)
    assert pipeline.run("replay", "--resume", "r", "--yes").exit_code == 0
    assert copies(pipeline) == before
    assert [json.loads(line) for line in file.read_text().splitlines()[-1:]] == [
        json.loads(text.splitlines()[-1])
    ]
    assert "no completed file" in pipeline.run("replay", "--resume", "r", "--yes").stdout


def test_two_commands_do_not_work_on_one_record(pipeline):
    fill(pipeline)
    pipeline.run("replay", "--prefix", "completed/", "--record", "r", "--yes")
    with Record.resume(Path("r"), RAW):
        second = pipeline.run("replay", "--resume", "r", "--yes")
    assert (second.exit_code, "another command" in second.stderr) == (1, True)
    assert pipeline.run("replay", "--resume", "r", "--yes").exit_code == 0


def test_signals_lose_no_note_however_many_come(pipeline, monkeypatch):
    fill(pipeline)
    original = replays.copies.renew
    begun, pressed = threading.Event(), threading.Event()

    def slow(*arguments: Any) -> str:
        begun.set()
        assert pressed.wait(30)
        return original(*arguments)

    def press() -> None:
        begun.wait(30)
        for which in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGINT):
            os.kill(os.getpid(), which)
            time.sleep(0.02)  # so that none is merged with the one before
        pressed.set()

    monkeypatch.setattr(replays.copies, "renew", slow)
    monkeypatch.setattr(replays, "COPIES_AT_ONCE", 2)
    thread = threading.Thread(target=press)
    thread.start()
    result = pipeline.run("replay", "--prefix", "completed/", "--record", "r", "--yes")
    thread.join()
    assert (result.exit_code, "replay --resume r" in result.stderr) == (1, True)
    notes = [json.loads(line) for line in Path("r").read_text().splitlines()]
    noted = {note["done"].replace("completed/", "incoming/") for note in notes if "done" in note}
    assert noted == set(copies(pipeline))
    assert 0 < len(noted) < FILES


def test_a_plan_that_was_cut_off_is_refused(pipeline):
    fill(pipeline)
    pipeline.run("replay", "--prefix", "completed/", "--record", "r", "--yes")
    lines = Path("r").read_text().splitlines(keepends=True)
    Path("r").write_text("".join(lines[:5]))
    result = pipeline.run("replay", "--resume", "r", "--yes")
    assert (result.exit_code, "nothing of it was replayed" in result.stderr) == (2, True)


def test_what_is_no_record_of_this_stack_is_refused(pipeline):
    for text in ("", "not JSON", "[]", '{"bucket": "other", "files": 0}'):
        Path("r").write_text(text)
        result = pipeline.run("replay", "--resume", "r", "--yes")
        assert (result.exit_code, "allowed: a record of pipeline-raw" in result.stderr) == (2, True)


def test_a_record_is_never_written_over(pipeline):
    fill(pipeline)
    Path("r").write_text("mine")
    result = pipeline.run("replay", "--prefix", "completed/", "--record", "r", "--yes")
    assert (result.exit_code, "allowed: a new file" in result.stderr) == (2, True)
    assert (Path("r").read_text(), copies(pipeline)) == ("mine", {})


def test_a_replay_from_here_has_marks_of_its_own(pipeline):
    marks = {keys.REPLAY_JOB: "job", keys.REPLAY_OF: "v", keys.SOURCE_VERSION: "v", "team": "x"}
    pipeline.put("completed/a.json", b"{}", Metadata=marks)
    assert pipeline.run("replay", "incoming/a.json", "--yes").exit_code == 0
    head = pipeline.s3.head_object(Bucket=RAW, Key="incoming/a.json")
    told = head["Metadata"]
    assert (told.keys(), told["team"]) == ({"team", keys.REPLAY_JOB, keys.REPLAY_OF}, "x")
    assert (told[keys.REPLAY_JOB], told[keys.REPLAY_OF]) != ("job", "v")
