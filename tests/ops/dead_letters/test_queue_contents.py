"""A queue read as a list, where moto is not enough: time that passes, and refusals."""

from typing import Any

import pytest

from ops.dead_letters.queue_contents import Reading, depth


class Queue:
    """A queue of fixed answers that records what is asked of it."""

    def __init__(self, *receives: list[str], refused: frozenset[str] = frozenset()) -> None:
        self.receives = list(receives)
        self.refused = refused
        self.handle = 0
        self.deleted: list[str] = []
        self.released: list[str] = []

    def receive_message(self, **_: Any) -> dict[str, Any]:
        names = self.receives.pop(0) if len(self.receives) > 1 else self.receives[0]
        self.handle += 1
        return {
            "Messages": [
                {"MessageId": name, "ReceiptHandle": f"{name}/{self.handle}"} for name in names
            ]
        }

    def delete_message_batch(self, **call: Any) -> dict[str, Any]:
        failed = [one for one in call["Entries"] if one["ReceiptHandle"] in self.refused]
        self.deleted += [one["ReceiptHandle"] for one in call["Entries"] if one not in failed]
        return {"Failed": failed}

    def change_message_visibility_batch(self, **call: Any) -> None:
        assert all(one["VisibilityTimeout"] == 0 for one in call["Entries"])
        assert len(call["Entries"]) <= 10
        self.released += [one["ReceiptHandle"] for one in call["Entries"]]


def ids(batches: Any) -> list[str]:
    return [one["MessageId"] for batch in batches for one in batch]


def test_a_message_that_comes_again_is_yielded_once_and_released_by_its_newest_handle():
    queue = Queue(["a", "b"], ["a"], ["c"], [])
    with Reading(queue, "url") as reading:
        assert ids(reading.batches()) == ["a", "b", "c"]
    assert sorted(queue.released) == ["a/2", "b/1", "c/3"]


def test_news_now_and_then_keeps_a_pass_going():
    queue = Queue(["a"], ["a"], ["a"], ["b"], ["a"], ["b"], ["c"], [])
    with Reading(queue, "url") as reading:
        assert ids(reading.batches()) == ["a", "b", "c"]


def test_a_queue_that_shows_the_same_for_ever_ends():
    queue = Queue(["a", "b"])
    with Reading(queue, "url") as reading:
        assert ids(reading.batches()) == ["a", "b"]


def test_what_is_deleted_is_not_released_and_what_sqs_refuses_is():
    queue = Queue([f"m{number}" for number in range(10)], [], refused=frozenset({"m3/1"}))
    with Reading(queue, "url") as reading:
        names = ids(reading.batches())
        assert reading.delete(names) == ["m3"]
    assert len(queue.deleted) == 9
    assert queue.released == ["m3/1"]


def test_an_error_in_the_middle_releases_what_was_read():
    queue = Queue(["a"], ["b"])
    with pytest.raises(KeyboardInterrupt):
        read_and_stop(queue)
    assert queue.released == ["a/1"]


def read_and_stop(queue: Queue) -> None:
    with Reading(queue, "url") as reading:
        next(reading.batches())
        raise KeyboardInterrupt


def test_many_messages_are_released_ten_at_a_time():
    queue = Queue(*[[f"m{start}{number}" for number in range(10)] for start in range(3)], [])
    with Reading(queue, "url") as reading:
        assert len(ids(reading.batches())) == 30
    assert len(queue.released) == 30


def test_depth_counts_the_delayed_with_the_waiting(pipeline):
    url = pipeline.outputs["dlq_url"]
    pipeline.sqs.send_message(QueueUrl=url, MessageBody="a")
    pipeline.sqs.send_message(QueueUrl=url, MessageBody="b", DelaySeconds=60)
    pipeline.sqs.send_message(QueueUrl=url, MessageBody="c")
    pipeline.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1)
    assert depth(pipeline.sqs, url) == (2, 1)
