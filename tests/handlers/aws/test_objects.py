import base64
import hashlib
import zlib
from functools import partial
from io import BytesIO

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError
from botocore.parsers import ResponseParserError
from moto import mock_aws
from urllib3 import HTTPResponse

from handlers.aws import clients, copies, errors, joins, objects, streams
from handlers.aws.failures import (
    AccessDeniedError,
    GoneError,
    PermanentError,
    TakenError,
    TransientError,
)
from handlers.aws.joins import Part
from handlers.aws.object_info import Location, fits_metadata
from handlers.aws.objects import Storage
from local.account.strict import ruleset
from tests.proof.crash import FaultyGate
from tests.proof.memory import Body, Client, MemoryS3, aws_error

BUCKET = "a-bucket"
HERE = Location(bucket=BUCKET, key="a key")
CONTENT = bytes(range(256)) * 40


@pytest.fixture
def s3():
    return MemoryS3(versioned=(BUCKET,), page=3)


@pytest.fixture
def gate():
    return FaultyGate("", -1)


@pytest.fixture
def stored(s3, gate):
    return Storage(Client(s3, gate))


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (aws_error("NoSuchKey", "X"), GoneError),
        (aws_error("NoSuchVersion", "X"), GoneError),
        (aws_error("404", "X"), GoneError),
        (aws_error("PreconditionFailed", "X"), TakenError),
        (aws_error("ConditionalRequestConflict", "X"), TransientError),
        (aws_error("AccessDenied", "X"), AccessDeniedError),
        (aws_error("403", "X"), AccessDeniedError),
        (aws_error("SlowDown", "X"), TransientError),
        (aws_error("InternalError", "X"), TransientError),
        (aws_error("InvalidObjectState", "X"), PermanentError),
        (aws_error("InvalidArgument", "X"), PermanentError),
        (aws_error("MalformedXML", "X"), PermanentError),
        (ResponseParserError("invalid XML received"), TransientError),
        (aws_error("NoSuchBucket", "X"), TransientError),
        (ConnectTimeoutError(endpoint_url="https://s3"), TransientError),
        (EndpointConnectionError(endpoint_url="https://s3"), TransientError),
        (ConnectionResetError("reset"), TransientError),
    ],
)
def test_errors_say_what_to_do(error, raised):
    with pytest.raises(raised, match="get it"), errors.translated("get it"):
        raise error


class Losing(Body):
    """A connection that breaks, or that ends early, after some bytes."""

    def __init__(self, data, after, *, quietly):
        super().__init__(data)
        self._after = after
        self._quietly = quietly

    def read(self, size=None):
        if self._at >= self._after:
            if self._quietly:
                return b""
            raise ConnectionResetError
        return super().read(min(size, self._after - self._at))


@pytest.mark.parametrize("quietly", [True, False])
def test_a_lost_connection_is_taken_up_where_it_broke(s3, stored, gate, quietly):
    s3.put_object(Bucket=BUCKET, Key=HERE.key, Body=CONTENT)
    s3.body = lambda data: Losing(data, 1_500, quietly=quietly)
    opened = stored.open(HERE)
    assert b"".join(opened.blocks()) == CONTENT
    assert gate.calls == ["get_object"] * 7


def test_the_version_is_read_that_was_opened(s3, stored):
    s3.put_object(Bucket=BUCKET, Key=HERE.key, Body=CONTENT)
    s3.body = lambda data: Losing(data, 5_000, quietly=False)
    blocks = stored.open(HERE).blocks()
    first = next(blocks)
    s3.put_object(Bucket=BUCKET, Key=HERE.key, Body=b"another version" * 1_000)
    assert first + b"".join(blocks) == CONTENT


def test_a_connection_that_never_gives_a_byte_is_given_up(s3, stored, gate):
    s3.put_object(Bucket=BUCKET, Key=HERE.key, Body=CONTENT)
    s3.body = lambda data: Losing(data, 0, quietly=False)
    with pytest.raises(TransientError):
        list(stored.open(HERE).blocks())
    assert gate.calls == ["get_object"] * 5


@pytest.mark.parametrize("offset", [0, 1, 5_000, len(CONTENT)])
def test_reading_from_an_offset(s3, stored, offset):
    s3.put_object(Bucket=BUCKET, Key=HERE.key, Body=CONTENT)
    assert b"".join(stored.open(HERE).blocks(offset)) == CONTENT[offset:]


def test_an_object_is_read_block_by_block(s3, stored, monkeypatch):
    monkeypatch.setattr(streams, "_READ_BYTES", 1_000)
    s3.put_object(Bucket=BUCKET, Key=HERE.key, Body=CONTENT)
    opened = stored.open(HERE)
    blocks = opened.blocks()
    assert next(blocks) == CONTENT[:1_000]
    assert b"".join(blocks) == CONTENT[1_000:]
    assert list(opened.blocks(len(CONTENT) - 3)) == [CONTENT[-3:]]


def test_a_stream_that_ends_early_is_given_up(s3, stored):
    s3.put_object(Bucket=BUCKET, Key=HERE.key, Body=CONTENT)
    s3.body = lambda data: Losing(data, 0, quietly=True)
    with pytest.raises(TransientError, match="ends at byte 0"):
        list(stored.open(HERE).blocks())


def test_put_new_replaces_nothing(s3, stored):
    stored.put_new(HERE, b"first", metadata={"a": "b"}, content_type="text/plain")
    with pytest.raises(TakenError):
        stored.put_new(HERE, b"second", metadata={}, content_type="text/plain")
    assert s3.current(BUCKET, HERE.key).body == b"first"


def test_a_copy_is_of_what_was_described(s3, stored):
    s3.put_object(Bucket=BUCKET, Key=HERE.key, Body=b"one")
    info = stored.describe(HERE)
    s3.put_object(Bucket=BUCKET, Key=HERE.key, Body=b"two")
    with pytest.raises(TakenError):
        copies.copy_object(stored, info, Location(bucket=BUCKET, key="copy"))
    assert not s3.current(BUCKET, "copy")


def test_a_copy_in_parts_is_of_what_was_described(s3, stored, monkeypatch):
    monkeypatch.setattr(copies, "MAX_COPY_BYTES", 2)
    s3.put_object(Bucket=BUCKET, Key=HERE.key, Body=b"one")

    def gate(operation, _given, call):
        answer = call()
        if operation == "get_object_tagging":  # behind the look at what is copied
            s3.put_object(Bucket=BUCKET, Key=HERE.key, Body=b"two")
        return answer

    target = Location(bucket=BUCKET, key="copy")
    with pytest.raises(TakenError):
        copies.copy_object(Storage(Client(s3, gate)), stored.describe(HERE), target)
    assert not s3.current(BUCKET, "copy")
    copies.copy_object(stored, stored.describe(HERE), target)
    assert s3.current(BUCKET, "copy").body == b"two"


def test_delete_version_wants_a_version(stored):
    with pytest.raises(ValueError, match="no version to delete"):
        stored.delete_version(HERE)


def test_delete_all_spares_what_has_changed(s3, stored, monkeypatch):
    monkeypatch.setattr(objects, "DELETE_BATCH", 2)
    etags = {}
    for key in "abcde":
        etags[key] = s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode())["ETag"]
    s3.put_object(Bucket=BUCKET, Key="b", Body=b"new")
    s3.delete_object(Bucket=BUCKET, Key="c")
    failures = stored.delete_all(BUCKET, etags)
    assert {key: type(failure) for key, failure in failures.items()} == {
        "b": TakenError,
        "c": GoneError,
    }
    assert set(s3.visible(BUCKET)) == {"b"}
    assert stored.delete_all(BUCKET, {}) == {}


def test_an_etag_of_a_batch_goes_without_its_quotation_marks(s3):
    """As AWS's sample shows it; in 2025 those with marks were refused as MalformedXML."""
    sent = []

    def gate(operation, given, call):
        sent.extend(given["Delete"]["Objects"] if operation == "delete_objects" else ())
        return call()

    etag = s3.put_object(Bucket=BUCKET, Key="a", Body=b"a")["ETag"]
    assert Storage(Client(s3, gate)).delete_all(BUCKET, {"a": etag, "b": None}) == {}
    assert sent == [{"Key": "a", "ETag": hashlib.md5(b"a").hexdigest()}, {"Key": "b"}]  # noqa: S324
    assert not s3.visible(BUCKET)


def test_one_object_is_deleted_as_it_was_described(s3, stored):
    s3.put_object(Bucket=BUCKET, Key=HERE.key, Body=b"one")
    before = stored.describe(HERE)
    s3.put_object(Bucket=BUCKET, Key=HERE.key, Body=b"two")
    with pytest.raises(TakenError):
        stored.delete(before)
    assert s3.current(BUCKET, HERE.key).body == b"two"
    stored.delete(stored.describe(HERE))
    assert not s3.current(BUCKET, HERE.key)
    with pytest.raises(GoneError):
        stored.delete(before)


def test_a_version_id_that_is_none_is_given_up(moto):
    """S3 answers 400, and trying again cannot help."""
    moto.put_object(Bucket=BUCKET, Key=HERE.key, Body=b"one")
    with pytest.raises(PermanentError, match="InvalidArgument: Invalid version id"):
        Storage(moto).open(Location(bucket=BUCKET, key=HERE.key, version="no version"))
    gone = Location(bucket=BUCKET, key=HERE.key, version="00000000-0000-4000-8000-000000000000")
    with pytest.raises(GoneError):
        Storage(moto).open(gone)


def test_lists_go_on_over_pages(s3, stored):
    names = [f"p/{number:02d}" for number in range(8)]
    for name in (*names, "q"):
        s3.put_object(Bucket=BUCKET, Key=name, Body=b"")
    pages = list(stored.list_pages(BUCKET, "p/", start_after="p/01"))
    assert [[one.location.key for one in page] for page in pages] == [names[2:5], names[5:8]]
    for _ in range(7):
        s3.put_object(Bucket=BUCKET, Key="p/00", Body=b"")
    s3.put_object(Bucket=BUCKET, Key="p/00x", Body=b"")
    versions = list(stored.versions(BUCKET, "p/00"))
    assert len(versions) == 8
    assert {one.location.key for one in versions} == {"p/00"}


@pytest.mark.parametrize("between", [0, 1, 2, 5, 40])
@pytest.mark.parametrize("end", ["", "q"])
def test_keys_are_listed_without_what_lies_between_them(s3, stored, between, end):
    """A page has three keys here."""
    wanted = [f"p/{number:02d}.json" for number in range(9)]
    there = wanted[:1] + wanted[2:4] + wanted[5:8]
    others = [f"{key}~{number:02d}" for key in wanted[1:] for number in range(between)]
    for name in (*there, *others, *([end] if end else [])):
        s3.put_object(Bucket=BUCKET, Key=name, Body=b"")
    stored.take_calls()
    found = [one.location.key for page in stored.list_among(BUCKET, "p/", wanted) for one in page]
    assert found == there
    assert stored.take_calls() <= min(2 * len(wanted), 1 + (len(there) + len(others)) // 3)
    assert not list(stored.list_among(BUCKET, "p/", []))


@pytest.mark.parametrize("sizes", [[3], [10, 10, 3]])
def test_an_object_is_replaced_only_if_it_is_the_one_that_was_seen(sizes, monkeypatch):
    monkeypatch.setattr(joins, "MIN_PART_BYTES", 5)
    s3 = MemoryS3(versioned=(BUCKET, "parts"), min_part=5)
    stored = Storage(Client(s3))
    parts = [Part(bucket="parts", key=f"part {one}", size=size) for one, size in enumerate(sizes)]
    for part in parts:
        s3.put_object(Bucket="parts", Key=part.key, Body=b"n" * part.size)
    s3.put_object(Bucket=BUCKET, Key=HERE.key, Body=b"old", StorageClass="STANDARD_IA")
    old = stored.describe(HERE)
    s3.put_object(Bucket=BUCKET, Key=HERE.key, Body=b"another")
    join = partial(joins.join_objects, stored, parts, HERE, metadata={"a": "b"}, content_type="t/p")
    with pytest.raises(TakenError):
        join(old=old)
    s3.delete_object(Bucket=BUCKET, Key=HERE.key)
    with pytest.raises(GoneError):
        join(old=old)
    s3.put_object(Bucket=BUCKET, Key=HERE.key, Body=b"old")
    join(old=old)
    new = s3.current(BUCKET, HERE.key)
    assert (new.body, new.metadata) == (b"n" * sum(sizes), {"a": "b"})
    assert (new.headers["ContentType"], new.storage_class) == ("t/p", "STANDARD_IA")
    assert not s3.uploads


@pytest.mark.parametrize(
    "sizes", [[3], [10], [3, 3], [10, 10], [3, 3, 3, 10, 2], [0, 12, 0, 4], [4]]
)
def test_parts_are_joined_in_order(sizes, monkeypatch):
    monkeypatch.setattr(joins, "MIN_PART_BYTES", 5)
    s3 = MemoryS3(versioned=(BUCKET,), min_part=5)
    stored = Storage(Client(s3))
    parts, whole = [], b""
    for number, size in enumerate(sizes):
        body = bytes([65 + number]) * size
        s3.put_object(Bucket=BUCKET, Key=f"part {number}", Body=body)
        parts.append(Part(bucket=BUCKET, key=f"part {number}", size=size))
        whole += body
    joins.join_objects(stored, parts, HERE, metadata={"a": "b"}, content_type="text/plain")
    joined = s3.current(BUCKET, HERE.key)
    assert (joined.body, joined.metadata) == (whole, {"a": "b"})
    with pytest.raises(TakenError):
        joins.join_objects(stored, parts, HERE, metadata={}, content_type="text/plain")
    assert not s3.uploads


def test_what_fits_into_metadata():
    assert fits_metadata({"n": "x" * 2_047})
    assert not fits_metadata({"n": "x" * 2_048})
    assert not fits_metadata({"n": "é"})


@pytest.fixture
def moto():
    ruleset.install()
    with mock_aws():
        client = boto3.client(
            "s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
        )
        client.create_bucket(Bucket=BUCKET)
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield client


@pytest.fixture
def own_client(moto, monkeypatch):
    """Return the client that the function makes; moto holds what it stores."""
    assert moto
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    caches = (clients._session, clients.client)
    for cached in caches:
        cached.cache_clear()
    yield clients.client("s3")
    for cached in caches:
        cached.cache_clear()


@pytest.mark.parametrize("listed", [True, False])
def test_boto3_copies_in_parts_and_keeps_all(moto, own_client, monkeypatch, listed):
    """Above 5 GB boto3's own managed copy is used; here the limit is 8 MB, its least."""
    least = TransferConfig().multipart_threshold
    monkeypatch.setattr(copies, "MAX_COPY_BYTES", least - 1)
    monkeypatch.setattr(copies, "_COPY_PART_BYTES", 5 * 1024**2)
    body = b"x" * (least + 1)
    moto.put_object(
        Bucket=BUCKET,
        Key="large +ü",
        Body=body,
        ContentType="text/x-test",
        CacheControl="none",
        Metadata={"owner": "me"},
        Tagging="team=a%20b&x=1",
    )
    stored = Storage(own_client)
    where = Location(bucket=BUCKET, key="large +ü")
    [[entry]] = stored.list_pages(BUCKET, "large")
    source = entry if listed else stored.describe(where)
    target = Location(bucket=BUCKET, key="copy")
    etag = copies.copy_object(
        stored, source, target, added={"mark": "1"}, storage_class="STANDARD_IA"
    )
    copy = moto.get_object(Bucket=BUCKET, Key="copy")
    assert copy["ETag"] == etag
    assert etag.endswith('-2"')
    assert copy["Body"].read() == body
    assert copy["Metadata"] == {"owner": "me", "mark": "1"}
    assert (copy["ContentType"], copy["CacheControl"]) == ("text/x-test", "none")
    assert copy["StorageClass"] == "STANDARD_IA"
    tags = moto.get_object_tagging(Bucket=BUCKET, Key="copy")["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "a b", "x": "1"}


def test_the_function_has_one_client_of_a_service(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    made = clients.client("sqs")
    assert made is clients.client("sqs")
    assert made.meta.config.retries["total_max_attempts"] == 5
    clients.client.cache_clear()


def test_a_body_goes_out_in_large_writes_after_its_checksum(monkeypatch):
    for name in ("AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "us-east-1")
    content = b"123456789" * 200_000
    checksum = base64.b64encode(zlib.crc32(content).to_bytes(4, "big"))
    sent = []

    def answer(request, **_):
        parts = list(iter(partial(request.body.read, 16 * 1024), b""))
        sent.append((request.headers, parts))
        status = 503 if len(sent) == 1 else 200  # what is tried again goes out whole again
        return AWSResponse(request.url, status, {}, HTTPResponse(BytesIO(), preload_content=False))

    clients.client.cache_clear()
    s3 = clients.client("s3")
    s3.meta.events.register("before-send.s3.PutObject", answer)
    Storage(s3).put_new(HERE, content, metadata={}, content_type="text/plain")
    Storage(s3).put(HERE, content, content_type="text/plain")
    clients.client.cache_clear()
    for headers, parts in sent:
        assert b"".join(parts) == content
        assert len(parts) == 2
        assert headers["Content-Length"] == str(len(content))
        assert headers["x-amz-checksum-crc32"] == checksum
        assert headers["x-amz-content-sha256"] == b"UNSIGNED-PAYLOAD"
        assert "Content-Encoding" not in headers
    assert len(sent) == 3


def test_bytes_are_counted_where_they_are_stored_and_once(s3, stored):
    s3.put_object(Bucket=BUCKET, Key="source", Body=CONTENT)
    source = stored.describe(Location(bucket=BUCKET, key="source"))
    assert stored.take_written() == 0  # reading costs no storage
    stored.put_new(HERE, b"123", metadata={}, content_type="text/plain")
    with pytest.raises(TakenError):
        stored.put_new(HERE, b"1234", metadata={}, content_type="text/plain")
    stored.put(HERE, b"12345", content_type="text/plain")
    copies.copy_object(stored, source, Location(bucket=BUCKET, key="copy"))
    assert stored.take_written() == 3 + 5 + len(CONTENT)
    assert stored.take_written() == 0


def test_the_bytes_of_a_join_are_counted(monkeypatch):
    monkeypatch.setattr(joins, "MIN_PART_BYTES", 4)
    s3 = MemoryS3(versioned=(BUCKET,), min_part=4)
    stored = Storage(Client(s3, FaultyGate("", -1)))
    parts = [
        Part(bucket=BUCKET, key=f"part-{number}", size=size)
        for number, size in enumerate((5, 2, 3))
    ]
    for part in parts:
        s3.put_object(Bucket=BUCKET, Key=part.key, Body=b"x" * part.size)
    joins.join_objects(stored, parts, HERE, metadata={}, content_type="text/plain")
    assert s3.get_object(Bucket=BUCKET, Key=HERE.key)["ContentLength"] == 10
    assert stored.take_written() == 10
