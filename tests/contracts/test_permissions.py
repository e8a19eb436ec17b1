"""What the functions do is what their roles allow: no call is denied, and no grant is idle."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import boto3
import pytest
from botocore.client import BaseClient
from moto import mock_aws

from handlers import data_archiver, data_processor, keys
from handlers.aws import clients, copies, operations
from handlers.delivery import chunks, originals, outputs
from handlers.transform.datasets.dataset import Datasets
from infra import permissions
from local.account.strict import ruleset

ACCOUNT, REGION = "123456789012", "us-east-1"
BUCKETS = {name: f"arn:aws:s3:::{name}" for name in ("raw", "processed", "archive")}
QUEUES = {name: f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}" for name in ("files", "dead-letters")}
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:data-archiver"

Use = tuple[str, str]  # an IAM action and the ARN it is used on

PROCESSOR = [
    *permissions.processor(**BUCKETS, dead_letters=QUEUES["dead-letters"], account=ACCOUNT),
    permissions.consume_queue(QUEUES["files"]),
    *permissions.replay_files(raw=BUCKETS["raw"], account=ACCOUNT),
    *permissions.replace_outputs(
        processed=BUCKETS["processed"], archive=BUCKETS["archive"], account=ACCOUNT
    ),
    permissions.read_metrics(),
]
ARCHIVER = [
    *permissions.archiver(
        processed=BUCKETS["processed"], archive=BUCKETS["archive"], account=ACCOUNT
    ),
    permissions.invoke(FUNCTION),
]
# What the service itself does with the role, what only a copy that breaks off needs, and what no
# call asks for but makes S3 answer 404 instead of 403.
NOT_BY_THE_HANDLERS = {
    ("s3:ListBucket", BUCKETS["raw"]),
    ("sqs:ReceiveMessage", QUEUES["files"]),
    ("sqs:DeleteMessage", QUEUES["files"]),
    ("s3:AbortMultipartUpload", f"{BUCKETS['raw']}/completed/*"),
    ("s3:AbortMultipartUpload", f"{BUCKETS['processed']}/staging/*"),
    ("s3:AbortMultipartUpload", f"{BUCKETS['processed']}/processed/*"),
    ("s3:AbortMultipartUpload", f"{BUCKETS['processed']}/rejected/*"),
    ("s3:AbortMultipartUpload", f"{BUCKETS['archive']}/archive/*"),
    ("s3:AbortMultipartUpload", f"{BUCKETS['archive']}/bundles/*"),
    ("s3:AbortMultipartUpload", f"{BUCKETS['archive']}/bundle-indexes/*"),
}


def uses(  # noqa: C901, PLR0912 - a table
    operation: str, call: Mapping[str, Any]
) -> Iterator[Use]:
    """Yield the permissions that AWS asks for a call, by its service authorization reference."""
    where = f"arn:aws:s3:::{call.get('Bucket')}"
    key = f"{where}/{call.get('Key')}"
    version = "Version" if call.get("VersionId") else ""
    match operation:
        case "GetObject" | "HeadObject":
            yield f"s3:GetObject{version}", key
        case "GetObjectTagging" | "PutObjectTagging" | "DeleteObjectTagging":
            yield f"s3:{operation.removesuffix('Tagging')}{version}Tagging", key
        case "PutObject" | "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload":
            yield "s3:PutObject", key
            if call.get("Tagging"):
                yield "s3:PutObjectTagging", key
            if call.get("IfMatch"):  # a condition reads the object
                yield "s3:GetObject", key
        case "CopyObject" | "UploadPartCopy":
            yield "s3:PutObject", key
            yield from _copy_uses(call["CopySource"], key, tagged=operation == "CopyObject")
        case "DeleteObject":
            yield f"s3:DeleteObject{version}", key
            if call.get("IfMatch"):  # a condition reads the object
                yield "s3:GetObject", key
        case "DeleteObjects":
            for entry in call["Delete"]["Objects"]:
                yield "s3:DeleteObject", f"{where}/{entry['Key']}"
                if "ETag" in entry:  # a condition reads the object
                    yield "s3:GetObject", f"{where}/{entry['Key']}"
        case "ListObjectsV2":
            yield "s3:ListBucket", where
        case "ListObjectVersions":
            yield "s3:ListBucketVersions", where
        case (
            "SendMessage" | "ChangeMessageVisibility" | "ChangeMessageVisibilityBatch"
            | "GetQueueAttributes" | "ReceiveMessage"
        ):  # fmt: skip
            action = operation.removesuffix("Batch")
            yield f"sqs:{action}", QUEUES[call["QueueUrl"].rpartition("/")[2]]
        case "GetMetricStatistics":
            yield "cloudwatch:GetMetricStatistics", "*"
        case "Invoke":
            yield "lambda:InvokeFunction", call["FunctionName"]
        case _:
            pytest.fail(f"{operation} is new here: say which permissions it needs")


def _copy_uses(source: str | dict[str, str], target: str, *, tagged: bool) -> Iterator[Use]:
    """Yield what a copy needs of its source, which botocore may have made a header's text."""
    if isinstance(source, str):
        path, _, query = source.partition("?versionId=")
        bucket, _, key = unquote(path).partition("/")
        source = {"Bucket": bucket, "Key": key, "VersionId": query}
    version = "Version" if source.get("VersionId") else ""
    origin = f"arn:aws:s3:::{source['Bucket']}/{source['Key']}"
    yield f"s3:GetObject{version}", origin
    if tagged:
        yield f"s3:GetObject{version}Tagging", origin
        yield "s3:PutObjectTagging", target


def grants(statements: list[permissions.Statement]) -> set[Use]:
    return {
        (action, resource)
        for statement in statements
        for action in statement["Action"]
        for resource in statement["Resource"]
    }


def allows(grant: Use, use: Use) -> bool:
    return grant[0] == use[0] and fnmatchcase(use[1], grant[1])


class Context(SimpleNamespace):
    function_name = "data-archiver"
    invoked_function_arn = FUNCTION
    aws_request_id = "a-request"
    looks = 10**9  # how often there is time, before it is over

    def get_remaining_time_in_millis(self) -> float:
        self.looks -= 1
        return 300_000 if self.looks >= 0 else 0


@pytest.fixture(scope="module")
def monkeypatch() -> Iterator[pytest.MonkeyPatch]:
    """In place of pytest's own, for the whole module: all the work is done once."""
    with pytest.MonkeyPatch.context() as patched:
        yield patched


@pytest.fixture(scope="module")
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """Record the handlers' calls; what the test itself calls is not among them."""
    recorded: list[tuple[str, dict[str, Any]]] = []
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    ruleset.install()
    caches = (
        *(clients._session, clients.client),
        *(data_processor._processor, data_archiver._run),
    )
    with mock_aws():
        for cached in caches:
            cached.cache_clear()
        original = BaseClient._make_api_call

        def record(client: Any, operation: str, call: dict[str, Any]) -> Any:
            if getattr(client, "of_the_handlers", False):
                recorded.append((operation, call))
            if operation == "Invoke":
                return {}
            return original(client, operation, call)

        session = clients._session()
        make = session.create_client

        def marked(*args: Any, **kwargs: Any) -> Any:
            made = make(*args, **kwargs)
            made.of_the_handlers = True
            return made

        monkeypatch.setattr(BaseClient, "_make_api_call", record)
        monkeypatch.setattr(session, "create_client", marked)
        yield recorded
        for cached in caches:
            cached.cache_clear()


@pytest.fixture(scope="module")
def account(calls: list[Any], monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    assert not calls
    session = boto3.session.Session()
    s3, sqs = session.client("s3"), session.client("sqs")
    for bucket in BUCKETS:
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    urls = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in QUEUES}
    variables = {
        "ENVIRONMENT": "test",
        "LOG_LEVEL": "CRITICAL",
        "RAW_BUCKET": "raw",
        "PROCESSED_BUCKET": "processed",
        "ARCHIVE_BUCKET": "archive",
        "RETENTION_DAYS": "30",
        "ARCHIVE_DAYS": "90",
        "ARCHIVE_BUNDLES": "false",
        "BUNDLE_BELOW_KB": "1024",
        "ARCHIVE_CONCURRENCY": "1",
        "DEAD_LETTER_QUEUE_URL": urls["dead-letters"],
        "PROCESSING_QUEUE_URL": urls["files"],
        "MAX_ATTEMPTS": "3",
        "MAX_REJECTED_PERCENT": "50",
        "MAX_EXPANSION": "500",
        "UNFINISHED_AFTER_SECONDS": "3600",
        "FALLBACK_ENCODING": "utf-8",
        "COMPRESS_OUTPUT": "false",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return SimpleNamespace(s3=s3, sqs=sqs, urls=urls)


def upload(account: SimpleNamespace, name: str, body: bytes, **extra: Any) -> dict[str, Any]:
    key = f"incoming/{name}"
    put = account.s3.put_object(Bucket="raw", Key=key, Body=body, **extra)
    entry = {"key": key, "versionId": put["VersionId"]}
    return {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": datetime.now(UTC).isoformat(),
        "s3": {"bucket": {"name": "raw"}, "object": entry},
    }


def message(account: SimpleNamespace, *records: Mapping[str, Any]) -> dict[str, Any]:
    queue = account.urls["files"]
    sent = account.sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"Records": records}))
    there = account.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    (received,) = (one for one in there if one["MessageId"] == sent["MessageId"])
    return {
        "eventSource": "aws:sqs",
        "messageId": received["MessageId"],
        "receiptHandle": received["ReceiptHandle"],
        "body": received["Body"],
        "attributes": {"ApproximateReceiveCount": "1"},
    }


def process(account: SimpleNamespace, *records: Mapping[str, Any], **context: Any) -> None:
    event = {"Records": [message(account, record) for record in records]}
    data_processor.handler(event, Context(**context))


@pytest.fixture(scope="module", autouse=True)
def work(account: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let both functions do all that they can do."""
    lines = b"".join(b'{"id":%d,"text":"%s"}\n' % (i, b"x" * 200) for i in range(60_000))
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 6 * 1024 * 1024)
    small = upload(account, "a.json", b'{"a":1}', Tagging="team=data")
    process(account, small, upload(account, "rejects.json", b'{"a":1}\nbad\n{"a":2}\n'))
    process(account, small)  # again: it is gone, and all is done
    process(account, upload(account, "a.csv", b"a\n1\n"))  # a name that is taken
    process(account, upload(account, "large.json", lines + b"bad\n"))
    process(account, upload(account, "long.json", lines), looks=30)
    process(account, upload(account, "broken.json", b"["))
    with monkeypatch.context() as patched:  # the size above which a copy goes in parts
        patched.setattr(copies, "MAX_COPY_BYTES", 1)
        process(account, upload(account, "parts.json", b'{"a":1}', Tagging="team=data"))
    put = account.s3.put_object
    with monkeypatch.context() as patched:
        patched.setattr(originals, "copy_object", _fail)
        process(account, upload(account, "retried.json", b'{"a":1}'))
    replay(account, "a.json")
    reprocess(account, lines, monkeypatch)
    record = upload(account, "called.json", b'{"a":1}')
    data_processor.handler({"key": record["s3"]["object"]["key"]}, Context())
    reconcile(account)
    put(Bucket="processed", Key="processed/2020/01/01/x.json", Body=b"{}")
    later = datetime.now(UTC) + timedelta(days=31)
    data_archiver.handler({"time": later.isoformat()}, Context(looks=2))
    data_archiver.handler({"time": later.isoformat()}, Context())
    put(Bucket="processed", Key="processed/2020/01/01/y.json", Body=b"{}", Tagging="team=data")
    with monkeypatch.context() as patched:
        patched.setattr(copies, "MAX_COPY_BYTES", 1)
        data_archiver.handler({"time": later.isoformat()}, Context())

    for name in ("\x01", "\ufffe/\r", "z"):  # of these, XML cannot carry two
        put(Bucket="processed", Key=f"processed/2020/01/01/{name}.json", Body=b"{}")
    report = data_archiver.handler({"time": later.isoformat()}, Context())
    assert (report["archived_count"], report["failed_count"]) == (3, 0)
    bundle(account, later, monkeypatch)


def bundle(account: SimpleNamespace, later: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let outputs be bundled, one of which was just copied; then let their names be asked for."""
    names = ("bundled/a.json", "bundled/b.json")
    process(account, *(upload(account, name, b'{"a":1}') for name in names))
    move_to_archive(account, names[0], stays=True)
    monkeypatch.setenv("ARCHIVE_BUNDLES", "true")
    data_archiver._run.cache_clear()
    report = data_archiver.handler({"time": later.isoformat()}, Context())
    assert (report["bundled_count"], report["failed_count"]) == (2, 0)
    copies = account.s3.list_objects_v2(Bucket="archive", Prefix="archive/")["Contents"]
    assert not [one["Key"] for one in copies if "bundled/" in one["Key"]]
    with monkeypatch.context() as patched:  # the archive is asked where a day is over
        patched.setattr(outputs, "_LEAST_RETENTION", timedelta(days=-3))
        process(account, upload(account, names[0], b'{"a":2}'))
        for index in account.s3.list_objects_v2(Bucket="archive", Prefix="bundle-indexes/")[
            "Contents"
        ]:
            account.s3.delete_object(Bucket="archive", Key=index["Key"])
        process(account, upload(account, names[1], b'{"a":2}'))
    there = account.s3.list_objects_v2(Bucket="processed", Prefix="processed/")["Contents"]
    taken = [one["Key"] for one in there if "bundled/" in one["Key"]]
    assert len(taken) == 2
    assert not [key for key in taken if key.endswith(names)]
    report = data_archiver.handler({"time": later.isoformat()}, Context())
    assert (report["bundled_count"], report["failed_count"]) == (2, 0)


def replay(account: SimpleNamespace, name: str) -> None:
    """Let a job of S3 Batch Operations replay a completed file."""
    head = account.s3.head_object(Bucket="raw", Key=f"completed/{name}")
    task = {"taskId": "1", "s3Key": f"completed/{name}", "s3VersionId": head["VersionId"]}
    task["s3BucketArn"] = BUCKETS["raw"]
    call = {"invocationSchemaVersion": "1.0", "invocationId": "i", "job": {"id": "job"}}
    answer = data_processor.handler({**call, "tasks": [task]}, Context())
    assert [one["resultCode"] for one in answer["results"]] == ["Succeeded"]


def declare(monkeypatch: pytest.MonkeyPatch, total: str) -> None:
    """Let the next processor have a dataset."""
    schema = {"type": "object", "properties": {"total": {"type": total}}}
    declared = Datasets.read({"orders": {"prefix": "orders/", "schema": schema}})
    monkeypatch.setattr(data_processor, "read_datasets", lambda: declared)
    data_processor._processor.cache_clear()


def reprocess(account: SimpleNamespace, lines: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a dataset change: one output is in processed/, one in the archive, one in both."""
    declare(monkeypatch, "number")
    texts = {"orders/a.json": b'{"a":1}\nbad\n{"a":2}\n', "orders/large.json": lines}
    texts["orders/both.json"] = b'{"a":1}'
    with monkeypatch.context() as patched:  # the archive is asked where a day is over
        patched.setattr(outputs, "_LEAST_RETENTION", timedelta(days=-3))
        for name, body in texts.items():
            process(account, upload(account, name, body))
        for name in ("orders/large.json", "orders/both.json"):
            move_to_archive(account, name, stays="both" in name)
        declare(monkeypatch, "string")
        for name in texts:
            head = account.s3.head_object(Bucket="raw", Key=f"completed/{name}")
            named = {"key": f"completed/{name}", "version": head["VersionId"]}
            answer = data_processor.handler({"reprocess": named}, Context())
            assert (answer["processed"], answer["failed"]) == (1, 0), (name, answer)


def move_to_archive(account: SimpleNamespace, name: str, *, stays: bool) -> None:
    folder = datetime.now(UTC).strftime("%Y/%m/%d")
    there = f"{folder}/{name}"
    source = {"Bucket": "processed", "Key": f"processed/{there}"}
    # boto3's own `copy` loses the metadata of a large object in old versions.
    account.s3.copy_object(
        CopySource=source, Bucket="archive", Key=f"archive/{there}", StorageClass="STANDARD_IA"
    )
    if not stays:
        account.s3.delete_object(**source)


def reconcile(account: SimpleNamespace) -> None:
    """Let a run find a dead letter, a lost file, and one that was discarded."""
    for key, tags in (
        ("incoming/lost.json", []),
        ("incoming/x.json", [{"Key": "a", "Value": "b"}]),
    ):
        version = account.s3.put_object(Bucket="raw", Key=key, Body=b"{}")["VersionId"]
        tag = {"Key": keys.DISCARDED_TAG, "Value": keys.discarded_mark(key, version)}
        account.s3.put_object_tagging(
            Bucket="raw", Key=key, VersionId=version, Tagging={"TagSet": [tag, *tags]}
        )
    account.sqs.send_message(QueueUrl=account.urls["files"], MessageBody="another file")
    later = (datetime.now(UTC) + timedelta(days=9)).isoformat()
    asked = {"discarded": True, "by_schedule": True, "started": later}
    report = data_processor.handler({"reconcile": asked}, Context())
    # Beside the discarded ones: a file that was cut, one whose original could not be copied, and
    # the replayed one.
    assert (report["sent"], report["dead_letters"], report["complete"]) == (5, 1, True)


def parameters(call: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of a call's parameters, as `operations.PARAMETERS` has them."""
    if isinstance(call, list):
        for one in call:
            yield from parameters(one, path)
    elif isinstance(call, dict) and path in ("", "Delete", "Delete.Objects", *PARTS):
        for name, value in call.items():
            yield from parameters(value, f"{path}.{name}" if path else name)
    else:
        yield path


PARTS = (
    *("MultipartUpload", "MultipartUpload.Parts"),
    *("Tagging", "Tagging.TagSet", "Entries", "Dimensions"),
)
BY_BOTO3 = {
    "CopyObject.Tagging",  # its managed copy, of what is smaller than its own threshold
    "CopyObject.TaggingDirective",
    "GetObject.ChecksumMode",
    "ListObjectVersions.EncodingType",
    "ListObjectsV2.EncodingType",
}


def _fail(*_: Any, **__: Any) -> None:
    from handlers.aws.failures import TransientError  # noqa: PLC0415

    msg = "provoked"
    raise TransientError(msg)


def test_what_the_functions_look_for_in_botocore_is_what_they_use(calls):
    """Those that boto3 itself adds, its own botocore knows."""
    used = {f"{operation}.{path}" for operation, call in calls for path in parameters(call)}
    looked = {
        f"{operation}.{path}"
        for table in operations.PARAMETERS.values()
        for operation, paths in table.items()
        for path in paths
    }
    assert used - looked <= BY_BOTO3
    operations_of = lambda paths: {path.partition(".")[0] for path in paths}  # noqa: E731
    # What only a failure brings about, and a message that may have killed the function.
    rare = {"AbortMultipartUpload", "DeleteMessage"}
    assert operations_of(looked) - operations_of(used) == rare


def test_the_roles_allow_what_the_functions_do_and_no_more(calls):
    used = {use for operation, call in calls for use in uses(operation, call)}
    every = grants(PROCESSOR) | grants(ARCHIVER)
    denied = {use for use in used if not any(allows(grant, use) for grant in every)}
    idle = {grant for grant in every if not any(allows(grant, use) for use in used)}
    assert denied == set()
    assert idle - NOT_BY_THE_HANDLERS == set()
