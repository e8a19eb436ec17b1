import json

import pytest

from handlers.aws.failures import AccessDeniedError, TransientError
from handlers.aws.messages import Messenger
from tests.proof.memory import Client, MemoryMessages, MemoryQueue, aws_error

URL = "https://queue.test/one"


@pytest.fixture
def queue():
    return MemoryQueue()


@pytest.fixture
def invocations():
    return []


@pytest.fixture
def messenger(queue, invocations):
    client = Client(MemoryMessages({URL: queue}, invocations))
    return Messenger(lambda _service: client)


def test_a_message_with_attributes(messenger, queue):
    messenger.send(URL, "body", {"reason": "why", "place": ""})
    [message] = queue.messages
    assert (message["body"], message["attributes"]) == ("body", {"reason": "why"})


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("a\x00b\x1fc", "a\ufffdb\ufffdc"),
        ("tab\tline\n", "tab\tline\n"),
        ("\ud800 \uffff", "\ufffd \ufffd"),
        ("é漢😀", "é漢😀"),
        ("x" * 5_000, "x" * 2_000),
    ],
)
def test_an_attribute_is_made_fit(messenger, queue, text, sent):
    messenger.send(URL, "body", {"reason": text})
    assert queue.messages[0]["attributes"]["reason"] == sent


def test_ten_of_the_longest_fit(messenger, queue):
    messenger.send(URL, "x" * 4_000, {str(number): "漢" * 9_000 for number in range(10)})
    assert len(queue.messages) == 1


def test_a_delay(messenger, queue):
    messenger.delay(URL, "handle", 60)
    assert queue.delays == [60]


def test_a_delete_that_fails_is_none(messenger, queue):
    def gate(operation, _given, _call):
        raise aws_error("AccessDenied", operation)

    Messenger(lambda _service: Client(MemoryMessages({URL: queue}, []), gate)).delete(URL, "one")
    assert queue.deleted == []
    messenger.delete(URL, "one")
    assert queue.deleted == ["one"]


def test_an_invocation(messenger, invocations):
    messenger.invoke_later("arn:of:function", {"a": [1, "é"]})
    assert invocations == [json.loads('{"a": [1, "é"]}')]


@pytest.mark.parametrize(
    ("code", "raised"),
    [("AccessDeniedException", AccessDeniedError), ("ServiceUnavailable", TransientError)],
)
def test_errors_are_ours(queue, code, raised):
    def gate(operation, _given, _call):
        raise aws_error(code, operation)

    messenger = Messenger(lambda _service: Client(MemoryMessages({URL: queue}, []), gate))
    with pytest.raises(raised, match=URL):
        messenger.send(URL, "body")
