"""Messages that nobody expects in a dead-letter queue, each with what a command makes of it."""

import json
from dataclasses import dataclass, field
from typing import Any

from handlers import keys

NOT_JSON = "not JSON"
TOO_DEEP = "JSON that is nested too deep"
NO_FILE = "JSON that names no file: it has no key, or one that is not UTF-8"


def instead(kind: str) -> str:
    return f"JSON, but {kind} instead of an object"


@dataclass(frozen=True)
class Message:
    """A message; `key` and `version` are what it is about, else `problem` says what it is."""

    name: str
    body: str
    problem: str | None = None
    key: str | None = None
    version: str | None = None
    attributes: dict[str, dict[str, Any]] = field(default_factory=dict)
    reason: str | None = None


def text(value: str, kind: str = "String") -> dict[str, Any]:
    return {"DataType": kind, "StringValue": value}


def binary(value: bytes) -> dict[str, Any]:
    return {"DataType": "Binary", "BinaryValue": value}


def s3(described: Any, bucket: Any = "pipeline-raw", **record: Any) -> str:
    return json.dumps(
        {"Records": [{"s3": {"bucket": {"name": bucket}, "object": described}, **record}]}
    )


def failed(request: Any, answer: Any = None, **context: Any) -> str:
    return json.dumps(
        {"requestContext": context, "requestPayload": request, "responsePayload": answer}
    )


def good(name: str, version: str | None = "v1", **more: Any) -> dict[str, Any]:
    return {"key": f"incoming/{name}", "versionId": version, **more}


def nested(depth: int, begin: str, end: str) -> str:
    return begin * depth + end * depth


UNREADABLE = (
    Message("an open list, 100,000 deep", "[" * 100_000, TOO_DEEP),
    Message("a list, 100,000 deep", nested(100_000, "[", "]"), TOO_DEEP),
    Message("an open object, 50,000 deep", '{"a":' * 50_000, TOO_DEEP),
    Message("an object, 50,000 deep", '{"a":' * 50_000 + "1" + "}" * 50_000, TOO_DEEP),
    Message(
        "a list in a request, too deep",
        '{"requestContext":{},"requestPayload":' + nested(90_000, "[", "]") + "}", TOO_DEEP,
    ),
    Message("words", "no json \x85 at all", NOT_JSON),
    Message("a blank", " ", NOT_JSON),
    Message("a line end", "\n", NOT_JSON),
    Message("300 KB of text", "x" * 300_000, NOT_JSON),
    Message("300 KB of bidi marks", "\u202e" * 100_000, NOT_JSON),
    Message("a mark first", '\ufeff{"key":"incoming/a.csv"}', NOT_JSON),
    Message("cut off", '{"Records":[{"s3":{"object":{"key":"incoming/a', NOT_JSON),
    Message("two values", '{} {"key":"incoming/a.csv"}', NOT_JSON),
    Message("single quotes", "{'key': 'incoming/a.csv'}", NOT_JSON),
    Message("a number of 5,000 digits", "1" * 5000, NOT_JSON),
    Message("a size of 5,000 digits", f'{{"key":"incoming/a.csv","n":{"1" * 5000}}}', NOT_JSON),
    Message("other digits", '{"key":²}', NOT_JSON),
    Message("terminal codes", "\\u001b]0;title\\u0007 \u009b31m", NOT_JSON),
    Message("XML", "<Message>&lt;</Message>", NOT_JSON),
    Message("markup of a console", "[red]x[/red]", NOT_JSON),
    Message("a whole number", "42", instead("a number")),
    Message("a decimal number", "-1.5e300", instead("a number")),
    Message("no number", "NaN", instead("a number")),
    Message("infinity", "-Infinity", instead("a number")),
    Message("null", "null", instead("null")),
    Message("true", "true", instead("true or false")),
    Message("text", '"incoming/a.csv"', instead("text")),
    Message("text with half a pair", '"\\ud800"', instead("text")),
    Message("a list", "[1,2]", instead("a list")),
    Message("a list of events", f"[{s3(good('a.csv'))}]", instead("a list")),
    Message("an empty object", "{}", NO_FILE),
    Message("a version that is an object", '{"versionId": {}}', NO_FILE),
    Message("records that are null", '{"Records": null}', NO_FILE),
    Message("records that are a number", '{"Records": 7}', NO_FILE),
    Message("no records", '{"Records": []}', NO_FILE),
    Message("records of other kinds", '{"Records": [null, 1, "x", [], {}]}', NO_FILE),
    Message("a record without object", '{"Records": [{"s3": {}}]}', NO_FILE),
    Message("a record whose s3 is text", '{"Records": [{"s3": "s3"}]}', NO_FILE),
    Message("an object that is a list", s3([]), NO_FILE),
    Message("a key that is a number", s3({"key": 1}), NO_FILE),
    Message("a key that is an object", s3({"key": {"a": "b"}}), NO_FILE),
    Message("an empty key", s3({"key": ""}), NO_FILE),
    Message("a key that is no UTF-8", s3({"key": "incoming/%FF%FE.csv"}), NO_FILE),
    Message("a key that is half a pair", s3({"key": "incoming/\ud800.csv"}), NO_FILE),
    Message("a key of encoded surrogates", s3({"key": "incoming/%ED%A0%80.csv"}), NO_FILE),
    Message("a called key that is a list", '{"key": ["incoming/a.csv"]}', NO_FILE),
    Message("a called key that is half a pair", '{"key": "\\udfff"}', NO_FILE),
    Message("a test event", '{"Service": "Amazon S3", "Event": "s3:TestEvent"}', NO_FILE),
    Message("a notification of no JSON", '{"Type": "Notification", "Message": "hello"}', NO_FILE),
    Message("a notification too deep", json.dumps({"Message": "[" * 100_000}), NO_FILE),
    Message("a bridged event without detail", '{"source": "aws.s3", "detail": null}', NO_FILE),
    Message("a bridged event of text", '{"source": "aws.s3", "detail": "x"}', NO_FILE),
    Message("a failed call without request", '{"requestContext": {}}', NO_FILE),
    Message("a failed call of text", failed("incoming/a.csv"), NO_FILE),
    Message("a failed call with an answer that is a list", failed(None, [1]), NO_FILE),
    Message(
        "a failed call whose error is an object",
        failed(None, {"errorMessage": {"a": "\ud800"}, "errorType": ["t"]}),
        NO_FILE,
        reason='{"a":"\\ud800"}',
    ),
    Message(
        "a failed call whose error is half a pair",
        failed(None, {"errorMessage": "x \ud800 y"}),
        NO_FILE,
        reason="x \ufffd y",
    ),
    Message(
        "attributes of no use", "{}", NO_FILE,
        attributes={"reason": binary(b"\xff\x00"), "RETRY_ATTEMPTS": text("²")},
        reason="base64:/wA=",
    ),
    Message("an attribute of bytes", "x", NOT_JSON, attributes={"n": binary(b"\x80" * 999)}),
)  # fmt: skip

READABLE = (
    Message("a version that is an object", s3(good("1.csv", {})), key="incoming/1.csv"),
    Message("a version that is a list", s3(good("2.csv", [[]])), key="incoming/2.csv"),
    Message("a version that is a number", s3(good("3.csv", 7)), key="incoming/3.csv"),
    Message("a version that is half a pair", s3(good("4.csv", "\ud800")), key="incoming/4.csv"),
    Message(
        "a bucket that is an object", s3(good("5.csv"), {}),
        key="incoming/5.csv", version="v1",
    ),
    Message("a bucket that is null", s3(good("6.csv"), None), key="incoming/6.csv", version="v1"),
    Message(
        "a key of control and bidi characters",
        s3({"key": "incoming/%00%1B%5B31m%E2%80%AE7.csv", "versionId": "v1"}),
        key="incoming/\x00\x1b[31m\u202e7.csv", version="v1",
    ),
    Message(
        "a key of bidi marks alone", s3(good("22\u202e.csv")),
        key="incoming/22\u202e.csv", version="v1",
    ),
    Message(
        "a key of markup", s3(good("[red]8[/red].csv")),
        key="incoming/[red]8[/red].csv", version="v1",
    ),
    Message(
        "a key of 300 KB", s3(good("9" * 300_000)),
        key="incoming/" + "9" * 300_000, version="v1",
    ),
    Message(
        "padding of 300 KB", s3(good("10.csv", padding="x" * 300_000)),
        key="incoming/10.csv", version="v1",
    ),
    Message(
        "a good record between bad ones",
        json.dumps({"Records": [None, json.loads(s3(good("11.csv")))["Records"][0], {"s3": 1}]}),
        key="incoming/11.csv", version="v1",
    ),
    Message(
        "SNS in a call",
        json.dumps({"Records": [{"Sns": {"Type": "Notification", "Message": s3(good("12.csv"))}}]}),
        key="incoming/12.csv", version="v1",
    ),
    Message(
        "a call with a version of another type", '{"key":"incoming/13.csv","version_id":[]}',
        key="incoming/13.csv",
    ),
    Message(
        "a failed call counted by text",
        failed(json.loads(s3(good("14.csv"))), {"errorMessage": 5}, approximateInvokeCount="²"),
        key="incoming/14.csv", version="v1", reason="5",
    ),
    Message(
        "attempts in other digits", s3(good("15.csv")), key="incoming/15.csv", version="v1",
        attributes={"ERROR_MESSAGE": text("no"), "RETRY_ATTEMPTS": text("²")}, reason="no",
    ),
    Message(
        "attempts without end", s3(good("16.csv")), key="incoming/16.csv", version="v1",
        attributes={"ERROR_MESSAGE": text("no"), "RETRY_ATTEMPTS": text("9" * 5000)}, reason="no",
    ),
    Message(
        "a reason that is a number", s3(good("17.csv")), key="incoming/17.csv", version="v1",
        attributes={"reason": text("5", "Number"), "place": text("1", "Number.int")}, reason="5",
    ),
    Message(
        "a reason of binary", s3(good("18.csv")), key="incoming/18.csv", version="v1",
        attributes={"reason": binary(b"\xff\x00")}, reason="base64:/wA=",
    ),
    Message(
        "a reason of markup and marks", s3(good("19.csv")), key="incoming/19.csv", version="v1",
        attributes={"reason": text("[bold]\u202e\u2066\ufeff\x7f\x85")},
        reason="[bold]\u202e\u2066\ufeff\x7f\x85",
    ),
    Message(
        "a body that is broken beside attributes that are not", "[" * 100_000,
        key="incoming/20.csv", version="v2",
        attributes={
            keys.DEAD_LETTER_BUCKET: text("pipeline-raw"),
            keys.DEAD_LETTER_KEY: text("incoming/20.csv"),
            keys.DEAD_LETTER_VERSION: text("v2"),
            keys.REASON: text("broken"),
        },
        reason="broken",
    ),
    Message(
        "attributes that name a key alone", "null", key="incoming/21.csv",
        attributes={
            keys.DEAD_LETTER_KEY: text("incoming/21.csv"),
            keys.DEAD_LETTER_VERSION: binary(b"v"),
        },
        version="base64:dg==",
    ),
)  # fmt: skip

MESSAGES = UNREADABLE + READABLE
