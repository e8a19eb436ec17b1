"""Rules of S3 for policies, permissions, lifecycle and notifications."""

import io
import json
import re
import zipfile
from urllib.parse import unquote_plus

from moto.core.authorization import enable_iam_authentication

from .table import ACCOUNT, REGION, queue_policy, refused, semantic
from .uploads import begin, complete, part

EVENTS = "notification-content-structure.html"
LIFECYCLE = "lifecycle-transition-general-considerations.html, intro-lifecycle-rules.html"


def set_policy(aws, **statement):
    both = ["arn:aws:s3:::a-bucket", "arn:aws:s3:::a-bucket/*"]
    whole = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": both} | statement
    policy = {"Version": "2012-10-17", "Statement": [whole]}
    aws.s3.put_bucket_policy(Bucket="a-bucket", Policy=json.dumps(policy))


@semantic("tls-only-policy", "reference_policies_condition-keys.html aws:SecureTransport")
def _(aws):
    aws.put(aws.bucket(), "key")
    set_policy(aws, Condition={"Bool": {"aws:SecureTransport": "false"}})
    aws.put("a-bucket", "key", b"two")
    assert aws.read("a-bucket", "key") == b"two"
    set_policy(aws, Condition={"NumericLessThan": {"s3:TlsVersion": "1.2"}})
    assert aws.read("a-bucket", "key") == b"two"
    set_policy(aws, Condition={"Bool": {"aws:SecureTransport": "true"}})
    with refused("403", 403):
        aws.put("a-bucket", "key", b"three")


@semantic("policy-denies", "access-policy-language-overview.html", moto=True)
def _(aws):
    aws.put(aws.bucket(), "kept/key")
    aws.put("a-bucket", "key")
    set_policy(aws, Action="s3:DeleteObject", Resource="arn:aws:s3:::a-bucket/kept/*")
    with refused("403", 403):
        aws.s3.delete_object(Bucket="a-bucket", Key="kept/key")
    aws.s3.delete_object(Bucket="a-bucket", Key="key")
    assert aws.read("a-bucket", "kept/key") == b"one"
    assert aws.read("a-bucket", "key") is None


@semantic("policy-denies-to-whom-and-when-it-says", "reference_policies_evaluation-logic.html")
def _(aws):
    aws.put(aws.bucket(), "key")
    elsewhere = {"Bool": {"aws:SecureTransport": "false"}}
    for statement in (
        {"Principal": {"Service": "logging.s3.amazonaws.com"}},
        {"Principal": {"AWS": "arn:aws:iam::444455556666:role/theirs"}},
        {"Principal": {"AWS": "444455556666"}, "Effect": "Allow", "Condition": elsewhere},
        {"Condition": {"StringEquals": {"aws:ResourceAccount": "444455556666"}}},
    ):
        set_policy(aws, **statement)
        assert aws.read("a-bucket", "key") == b"one"
    for statement in (
        {"Principal": {"AWS": [ACCOUNT, "444455556666"]}},
        {"Condition": {"StringEquals": {"aws:ResourceAccount": ACCOUNT}}},
    ):
        set_policy(aws, **statement)
        with refused("403", 403):
            aws.put("a-bucket", "key")


@semantic("policy-by-prefix-and-header", "list_amazons3.html s3:prefix, s3:x-amz-storage-class")
def _(aws):
    aws.put(aws.bucket(), "open/a+b")
    lister = user(
        aws, ("s3:ListBucket", "a-bucket"), condition={"StringLike": {"s3:prefix": "open/*"}}
    )
    with enable_iam_authentication():
        assert lister.list_objects_v2(Bucket="a-bucket", Prefix="open/a+")["KeyCount"] == 1
        for options in ({"Prefix": "closed/"}, {}):
            with refused("AccessDenied", 403):
                lister.list_objects_v2(Bucket="a-bucket", **options)
    colder = {"StringEquals": {"s3:x-amz-storage-class": "GLACIER"}}
    set_policy(aws, Action="s3:PutObject", Condition=colder)
    aws.put("a-bucket", "key")
    with refused("403", 403):
        aws.put("a-bucket", "key", StorageClass="GLACIER")


@semantic("policy-denies-by-the-action-of-s3", "list_amazons3.html DeleteObjectVersion")
def _(aws):
    version = aws.put(aws.bucket(), "key")["VersionId"]
    named = {"Bucket": "a-bucket", "Key": "key", "VersionId": version}
    set_policy(aws, Action="s3:DeleteObject")
    with refused("403", 403):
        aws.s3.delete_object(Bucket="a-bucket", Key="key")
    upload = begin(aws)
    aws.s3.abort_multipart_upload(Bucket="a-bucket", Key="key", UploadId=upload)
    aws.s3.delete_object(**named)
    assert aws.read("a-bucket", "key") is None
    version = aws.put("a-bucket", "key")["VersionId"]
    set_policy(aws, Action=["s3:DeleteObjectVersion", "s3:GetObjectVersion"])
    for operation in (aws.s3.delete_object, aws.s3.head_object):
        with refused("403", 403):
            operation(**named | {"VersionId": version})
    aws.s3.delete_object(Bucket="a-bucket", Key="key")


@semantic("policy-denies-deletes-of-many", "API_DeleteObjects.html Permissions", moto=True)
def _(aws):
    version = aws.put(aws.bucket(), "key")["VersionId"]
    set_policy(aws, Action=["s3:DeleteObject", "s3:DeleteObjectVersion"])
    entries = [{"Key": "key"}, {"Key": "key", "VersionId": version}]
    answer = aws.s3.delete_objects(Bucket="a-bucket", Delete={"Objects": entries})
    assert [one["Code"] for one in answer["Errors"]] == ["AccessDenied", "AccessDenied"]
    assert aws.read("a-bucket", "key") == b"one"


@semantic("access-logs-need-the-targets-policy", "enable-server-access-logging.html")
def _(aws):
    aws.bucket("log-bucket")
    aws.bucket()
    target = {"TargetBucket": "log-bucket", "TargetPrefix": "it/"}

    def switch_on(source):
        writes = {
            "Effect": "Allow",
            "Principal": {"Service": "logging.s3.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": "arn:aws:s3:::log-bucket/*",
            "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{source}"}},
        }
        tls = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": "arn:aws:s3:::log-bucket/*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        policy = {"Version": "2012-10-17", "Statement": [tls, writes]}
        aws.s3.put_bucket_policy(Bucket="log-bucket", Policy=json.dumps(policy))
        aws.s3.put_bucket_logging(Bucket="a-bucket", BucketLoggingStatus={"LoggingEnabled": target})

    with refused("InvalidTargetBucketForLogging"):
        switch_on("another-bucket")
    switch_on("a-bucket")
    assert aws.s3.get_bucket_logging(Bucket="a-bucket")["LoggingEnabled"] == target


@semantic("permission-by-the-buckets-account", "reference_policies_condition-keys.html")
def _(aws):
    aws.put(aws.bucket(), "key")
    reads = ("s3:GetObject", "a-bucket/*")
    ours, theirs = (
        user(aws, reads, name=name, condition={"StringEquals": {"aws:ResourceAccount": name}})
        for name in (ACCOUNT, "444455556666")
    )
    with enable_iam_authentication():
        assert ours.get_object(Bucket="a-bucket", Key="key")["Body"].read() == b"one"
        with refused("AccessDenied", 403):
            theirs.get_object(Bucket="a-bucket", Key="key")


@semantic("permission-by-the-etag-of-a-delete", "conditional-delete-enforce.html")
def _(aws):
    aws.bucket()
    etags = {key: aws.put("a-bucket", key)["ETag"] for key in ("one", "two")}
    deletes = user(
        aws,
        ("s3:DeleteObject", "a-bucket/*"),
        ("s3:GetObject", "a-bucket/*"),
        condition={"Null": {"s3:if-match": "false"}},
    )
    with enable_iam_authentication():
        with refused("AccessDenied", 403):
            deletes.delete_object(Bucket="a-bucket", Key="one")
        objects = [{"Key": "one", "ETag": etags["one"]}, {"Key": "two"}]
        answer = deletes.delete_objects(Bucket="a-bucket", Delete={"Objects": objects})
        assert [(it["Key"], it["Code"]) for it in answer["Errors"]] == [("two", "AccessDenied")]
        deletes.delete_object(Bucket="a-bucket", Key="two", IfMatch=etags["two"])
    assert [aws.read("a-bucket", key) for key in etags] == [None, None]


@semantic("blocked-encryption", "blocking-unblocking-s3-c-encryption-gpb.html")
def _(aws):
    aws.bucket()
    client = aws.client("s3")  # botocore itself sends such a key over HTTPS alone

    def with_key_of_its_own(request, **_):
        request.headers["x-amz-server-side-encryption-customer-algorithm"] = "AES256"

    client.meta.events.register("before-sign.s3", with_key_of_its_own)
    client.put_object(Bucket="a-bucket", Key="before", Body=b"one")
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
        "BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]},
    }
    aws.s3.put_bucket_encryption(
        Bucket="a-bucket", ServerSideEncryptionConfiguration={"Rules": [rule]}
    )
    with refused("AccessDenied", 403):
        client.put_object(Bucket="a-bucket", Key="after", Body=b"one")
    with refused("AccessDenied", 403):
        client.create_multipart_upload(Bucket="a-bucket", Key="after")
    aws.put("a-bucket", "plain")
    assert aws.read("a-bucket", "after") is None


def user(aws, *statements, name="user", condition=None):
    """Return the S3 client of a user who may do what the statements say."""
    iam = aws.shared("iam")
    iam.create_user(UserName=name)
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": action, "Resource": f"arn:aws:s3:::{resource}"}
            | ({"Condition": condition} if condition else {})
            for action, resource in statements
        ],
    }
    iam.put_user_policy(UserName=name, PolicyName="it", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return aws.client(
        "s3",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )


@semantic("copy-needs-to-read-its-source", "API_CopyObject.html Permissions")
def _(aws):
    aws.put(aws.bucket(), "from")
    allowed = user(aws, ("s3:PutObject", "a-bucket/*"), ("s3:GetObject", "a-bucket/open/*"))
    with enable_iam_authentication(), refused("AccessDenied", 403):
        allowed.copy_object(Bucket="a-bucket", Key="to", CopySource="a-bucket/from")
    assert aws.read("a-bucket", "to") is None
    aws.put("a-bucket", "open/from")
    with enable_iam_authentication():
        allowed.copy_object(Bucket="a-bucket", Key="to", CopySource="a-bucket/open/from")
    assert aws.read("a-bucket", "to") == b"one"


@semantic("copy-of-tags-needs-their-permissions", "API_CopyObject.html Permissions")
def _(aws):
    aws.put(aws.bucket(), "from", Tagging="a=b")
    both = ("s3:PutObject", "a-bucket/*"), ("s3:GetObject", "a-bucket/*")
    allowed = user(aws, *both, ("s3:GetObjectTagging", "a-bucket/*"))
    with enable_iam_authentication(), refused("AccessDenied", 403):
        allowed.copy_object(Bucket="a-bucket", Key="to", CopySource="a-bucket/from")
    assert aws.read("a-bucket", "to") is None


@semantic("versions-have-actions-of-their-own", "list_amazons3.html GetObjectVersion")
def _(aws):
    version = aws.put(aws.bucket(), "key")["VersionId"]
    named = {"Bucket": "a-bucket", "Key": "key", "VersionId": version}
    allowed = user(aws, ("s3:GetObject", "a-bucket/*"), ("s3:GetObjectTagging", "a-bucket/*"))
    with enable_iam_authentication():
        for operation, code in (
            ("head_object", "403"),
            ("get_object", "AccessDenied"),
            ("get_object_tagging", "AccessDenied"),
        ):
            with refused(code, 403):
                getattr(allowed, operation)(**named)
        allowed.head_object(Bucket="a-bucket", Key="key")
        allowed.get_object_tagging(Bucket="a-bucket", Key="key")


@semantic("missing-key-without-list-bucket", "API_GetObject.html Permissions")
def _(aws):
    aws.bucket()
    allowed = user(aws, ("s3:GetObject", "a-bucket/*"))
    with enable_iam_authentication():
        with refused("AccessDenied", 403):
            allowed.get_object(Bucket="a-bucket", Key="missing")
        with refused("403", 403):
            allowed.head_object(Bucket="a-bucket", Key="missing")


@semantic("missing-key-with-list-bucket", "API_GetObject.html Permissions", moto=True)
def _(aws):
    aws.bucket()
    allowed = user(aws, ("s3:GetObject", "a-bucket/*"), ("s3:ListBucket", "a-bucket"))
    with enable_iam_authentication(), refused("NoSuchKey", 404):
        allowed.get_object(Bucket="a-bucket", Key="missing")


@semantic("delete-many-is-allowed-by-key", "API_DeleteObjects.html Permissions")
def _(aws):
    version = aws.put(aws.bucket(), "kept")["VersionId"]
    aws.put("a-bucket", "open/key")
    allowed = user(aws, ("s3:DeleteObject", "a-bucket/open/*"))
    entries = [
        {"Key": "open/key"},
        {"Key": "kept"},
        {"Key": "open/key", "VersionId": version},
    ]
    with enable_iam_authentication():
        answer = allowed.delete_objects(Bucket="a-bucket", Delete={"Objects": entries})
    assert [one["Key"] for one in answer["Deleted"]] == ["open/key"]
    assert [(one["Key"], one["Code"]) for one in answer["Errors"]] == [
        ("kept", "AccessDenied"),
        ("open/key", "AccessDenied"),
    ]
    assert aws.read("a-bucket", "kept") == b"one"


def put_rules(aws, *rules):
    whole = [{"Status": "Enabled", "Filter": {"Prefix": ""}} | rule for rule in rules]
    aws.s3.put_bucket_lifecycle_configuration(
        Bucket="a-bucket", LifecycleConfiguration={"Rules": whole}
    )


def get_rules(aws):
    return aws.s3.get_bucket_lifecycle_configuration(Bucket="a-bucket")["Rules"]


def to(storage, days):
    return {"Days": days, "StorageClass": storage}


TAGGED = {"Filter": {"Tag": {"Key": "a", "Value": "b"}}}
INVALID_RULES = {
    "expiration-on-day-zero": ("InvalidArgument", {"Expiration": {"Days": 0}}),
    "noncurrent-on-day-zero": (
        "InvalidArgument",
        {"NoncurrentVersionExpiration": {"NoncurrentDays": 0}},
    ),
    "abort-on-day-zero": (
        "InvalidArgument",
        {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 0}},
    ),
    "infrequent-access-before-30-days": (
        "InvalidArgument",
        {"Transitions": [to("STANDARD_IA", 29)]},
    ),
    "infrequent-access-for-30-days": (
        "InvalidArgument",
        {"Transitions": [to("STANDARD_IA", 30), to("GLACIER", 59)]},
    ),
    "warmer-after-colder": (
        "InvalidArgument",
        {"Transitions": [to("GLACIER", 30), to("STANDARD_IA", 90)]},
    ),
    "expiration-before-transition": (
        "InvalidArgument",
        {"Transitions": [to("GLACIER", 90)], "Expiration": {"Days": 90}},
    ),
    "expiration-before-the-last-transition": (
        "InvalidArgument",
        {
            "Transitions": [to("GLACIER", 30), to("DEEP_ARCHIVE", 150)],
            "Expiration": {"Days": 90},
        },
    ),
    "noncurrent-expiration-before-transition": (
        "InvalidArgument",
        {
            "NoncurrentVersionTransitions": [{"NoncurrentDays": 9, "StorageClass": "GLACIER"}],
            "NoncurrentVersionExpiration": {"NoncurrentDays": 9},
        },
    ),
    "no-action": ("InvalidRequest", {}),
    "abort-by-tag": (
        "InvalidRequest",
        TAGGED | {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}},
    ),
    "delete-markers-by-tag": (
        "InvalidRequest",
        TAGGED | {"Expiration": {"ExpiredObjectDeleteMarker": True}},
    ),
}


def check_invalid_rule(code, rule):
    def check(aws):
        aws.bucket()
        put_rules(aws, {"ID": "before", "Expiration": {"Days": 1}})
        with refused(code):
            put_rules(aws, rule)
        assert [one["ID"] for one in get_rules(aws)] == ["before"]

    return check


for _name, (_code, _rule) in INVALID_RULES.items():
    semantic(f"lifecycle-{_name}", LIFECYCLE)(check_invalid_rule(_code, _rule))


@semantic("lifecycle-names-are-unique", "intro-lifecycle-rules.html ID")
def _(aws):
    aws.bucket()
    with refused("InvalidArgument"):
        put_rules(aws, *({"ID": "same", "Expiration": {"Days": days}} for days in (1, 2)))


@semantic(
    "lifecycle-default-minimum",
    "API_PutBucketLifecycleConfiguration.html TransitionDefaultMinimumObjectSize",
)
def _(aws):
    aws.bucket()
    rules = [{"Status": "Enabled", "Filter": {}, "Transitions": [to("GLACIER", 90)]}]
    whole = {"Bucket": "a-bucket", "LifecycleConfiguration": {"Rules": rules}}
    name = "TransitionDefaultMinimumObjectSize"
    with refused("InvalidArgument"):
        aws.s3.put_bucket_lifecycle_configuration(**whole, **{name: "none"})
    for given, kept in (
        ({name: "varies_by_storage_class"}, "varies_by_storage_class"),
        ({}, "all_storage_classes_128K"),
    ):
        assert aws.s3.put_bucket_lifecycle_configuration(**whole, **given)[name] == kept
        answer = aws.s3.get_bucket_lifecycle_configuration(Bucket="a-bucket")
        assert answer[name] == kept


@semantic("lifecycle-is-read-as-written", "API_LifecycleRule.html")
def _(aws):
    aws.bucket()
    rules = [
        {
            "ID": "cold",
            "Status": "Enabled",
            "Filter": {"And": {"Prefix": "archive/", "ObjectSizeGreaterThan": 5}},
            "Transitions": [to("STANDARD_IA", 30), to("GLACIER", 90)],
            "Expiration": {"Days": 365},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 3, "NewerNoncurrentVersions": 2},
        },
        {
            "ID": "small",
            "Status": "Disabled",
            "Filter": {"ObjectSizeLessThan": 9},
            "Expiration": {"ExpiredObjectDeleteMarker": True},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        },
    ]
    put_rules(aws, *rules)
    assert get_rules(aws) == rules


@semantic("event-content", EVENTS)
def _(aws):
    url = aws.notified_queue(aws.bucket(), Id="it")
    key = "a b/+%~é/(1).csv"
    stored = aws.put("a-bucket", key, b"123")
    (record,) = aws.records(url)
    entry = record["s3"]["object"]
    assert entry["versionId"] == stored["VersionId"]
    assert entry["eTag"] == stored["ETag"].strip('"')
    assert entry["size"] == 3
    assert unquote_plus(entry["key"]) == key
    assert entry["key"].startswith("a+b/%2B%25")
    assert re.fullmatch("[0-9A-F]{16,20}", entry["sequencer"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["eventTime"])
    assert (record["eventVersion"], record["eventSource"]) == ("2.1", "aws:s3")
    assert (record["awsRegion"], record["eventName"]) == (REGION, "ObjectCreated:Put")
    assert record["s3"]["s3SchemaVersion"] == "1.0"
    assert record["s3"]["configurationId"] == "it"
    assert record["s3"]["bucket"]["arn"] == "arn:aws:s3:::a-bucket"


@semantic("event-order-by-sequencer", EVENTS)
def _(aws):
    url = aws.notified_queue(aws.bucket())
    versions = [aws.put("a-bucket", "key", bytes([n]))["VersionId"] for n in range(9)]
    found = aws.records(url)
    assert [record["s3"]["object"]["versionId"] for record in found] == versions
    assert len({record["s3"]["object"]["sequencer"] for record in found}) == 9


@semantic("event-without-version", EVENTS)
def _(aws):
    url = aws.notified_queue(aws.bucket(versioned=False))
    aws.put("a-bucket", "key")
    (record,) = aws.records(url)
    assert "versionId" not in record["s3"]["object"]


@semantic("event-of-an-upload-is-one", "notification-how-to-event-types-and-destinations.html")
def _(aws):
    url = aws.notified_queue(aws.bucket())
    upload = begin(aws)
    stored = complete(aws, upload, part(aws, upload, 1, b"one"))
    (record,) = aws.records(url)
    assert record["eventName"] == "ObjectCreated:CompleteMultipartUpload"
    assert record["s3"]["object"]["versionId"] == stored["VersionId"]
    assert record["s3"]["object"]["eTag"] == stored["ETag"].strip('"')


@semantic("event-of-a-copy", "notification-how-to-event-types-and-destinations.html")
def _(aws):
    url = aws.notified_queue(aws.bucket())
    aws.put("a-bucket", "from")
    stored = aws.s3.copy_object(Bucket="a-bucket", Key="to", CopySource="a-bucket/from")
    record = aws.records(url)[-1]
    assert record["eventName"] == "ObjectCreated:Copy"
    assert record["s3"]["object"]["key"] == "to"
    assert record["s3"]["object"]["versionId"] == stored["VersionId"]


@semantic("event-filter", "notification-how-to-filtering.html")
def _(aws):
    rules = [{"Name": "prefix", "Value": "incoming/"}, {"Name": "suffix", "Value": ".csv"}]
    url = aws.notified_queue(aws.bucket(), Filter={"Key": {"FilterRules": rules}})
    for key in ("incoming/a.csv", "incoming/a.CSV", "other/a.csv", "incoming/a.csv.gz"):
        aws.put("a-bucket", key)
    assert [record["s3"]["object"]["key"] for record in aws.records(url)] == ["incoming/a.csv"]


@semantic("event-of-a-refused-put", EVENTS)
def _(aws):
    url = aws.notified_queue(aws.bucket())
    aws.put("a-bucket", "key")
    with refused("PreconditionFailed", 412):
        aws.put("a-bucket", "key", b"two", IfNoneMatch="*")
    assert len(aws.records(url)) == 1


def bridged(aws, principal="events.amazonaws.com"):
    """Return the URL of a queue that EventBridge sends the events of created objects to."""
    aws.s3.put_bucket_notification_configuration(
        Bucket=aws.bucket(), NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    url, arn = aws.queue()
    pattern = {"source": ["aws.s3"], "detail": {"object": {"key": [{"prefix": "processed/"}]}}}
    events = aws.client("events")
    rule = events.put_rule(Name="outputs", EventPattern=json.dumps(pattern))["RuleArn"]
    events.put_targets(Rule="outputs", Targets=[{"Id": "queue", "Arn": arn}])
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": principal},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return url


@semantic("event-bridge-event", "ev-events.html")
def _(aws):
    url = bridged(aws)
    aws.put("a-bucket", "rejected/key")
    stored = aws.put("a-bucket", "processed/a b/é+.json")
    (message,) = aws.messages(url)
    event = json.loads(message["Body"])
    assert re.fullmatch(r"[0-9a-f-]{36}", event.pop("id"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event.pop("time"))
    assert re.fullmatch(r"[0-9A-F]{18}", event["detail"]["object"].pop("sequencer"))
    assert re.fullmatch(r"[0-9A-F]{16}", event["detail"].pop("request-id"))
    assert event == {
        "version": "0",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": ACCOUNT,
        "region": REGION,
        "resources": ["arn:aws:s3:::a-bucket"],
        "detail": {
            "version": "0",
            "bucket": {"name": "a-bucket"},
            "object": {
                "key": "processed/a b/é+.json",
                "size": 3,
                "etag": stored["ETag"].strip('"'),
                "version-id": stored["VersionId"],
            },
            "requester": ACCOUNT,
            "source-ip-address": "127.0.0.1",
            "reason": "PutObject",
        },
    }


@semantic("event-bridge-needs-the-queues-policy", "eb-use-resource-based.html#eb-sqs-permissions")
def _(aws):
    url = bridged(aws, principal="s3.amazonaws.com")
    aws.put("a-bucket", "processed/key")
    assert aws.messages(url) == []


@semantic("event-bridge-rule-that-is-off", "eb-delete-rule.html")
def _(aws):
    url = bridged(aws)
    aws.client("events").disable_rule(Name="outputs")
    aws.put("a-bucket", "processed/key")
    assert aws.messages(url) == []


def notification(arn, prefix="", events=("s3:ObjectCreated:*",), *, suffix="", **options):
    values = {"prefix": prefix, "suffix": suffix}
    rules = [{"Name": name, "Value": value} for name, value in values.items() if value]
    filtered = {"Filter": {"Key": {"FilterRules": rules}}} if rules else {}
    return {"QueueArn": arn, "Events": list(events), **filtered, **options}


def open_queue(aws, bucket="a-bucket", account=ACCOUNT):
    url, arn = aws.queue()
    policy = queue_policy(arn, bucket, account)
    aws.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return url, arn


def configured(aws):
    answer = aws.s3.get_bucket_notification_configuration(Bucket="a-bucket")
    return [one["Id"] for one in answer.get("QueueConfigurations", [])]


@semantic("test-event", "notification-how-to-event-types-and-destinations.html")
def _(aws):
    aws.bucket()
    url, arn = open_queue(aws)
    aws.notify("a-bucket", notification(arn))
    (message,) = aws.messages(url)
    body = json.loads(message["Body"])
    assert {"RequestId", "HostId", "Time"} <= body.keys()
    assert (body["Event"], body["Service"], body["Bucket"]) == (
        "s3:TestEvent",
        "Amazon S3",
        "a-bucket",
    )


@semantic("notifications-do-not-overlap", "notification-how-to-filtering.html")
def _(aws):
    aws.bucket()
    _, arn = open_queue(aws)
    aws.notify("a-bucket", notification(arn, "a/", Id="one"), notification(arn, "b/", Id="two"))
    for first, second in (
        (notification(arn, "a/"), notification(arn, "a/b/")),
        (notification(arn), notification(arn, "a/", ["s3:ObjectCreated:Put"])),
    ):
        with refused("InvalidArgument"):
            aws.notify("a-bucket", first, second)
    assert configured(aws) == ["one", "two"]
    both = [notification(arn, "a/", Id=suffix, suffix=suffix) for suffix in (".csv", ".json")]
    aws.notify("a-bucket", *both)
    assert configured(aws) == [".csv", ".json"]
    with refused("InvalidArgument"):
        aws.notify("a-bucket", both[0], notification(arn, suffix="a.csv"))
    with refused("InvalidArgument"):
        aws.notify("a-bucket", both[0], both[1] | {"Id": ".csv"})
    assert configured(aws) == [".csv", ".json"]


@semantic("notification-to-a-missing-queue", "enable-event-notifications.html")
def _(aws):
    aws.bucket()
    with refused("InvalidArgument"):
        aws.notify("a-bucket", notification(f"arn:aws:sqs:{REGION}:{ACCOUNT}:missing"))
    assert configured(aws) == []


@semantic("notification-needs-the-queue-s-policy", "grant-destinations-permissions-to-s3.html")
def _(aws):
    aws.bucket()
    _, arn = open_queue(aws, bucket="another-bucket")
    url, _ = open_queue(aws, account="111122223333")
    with refused("InvalidArgument"):
        aws.notify("a-bucket", notification(arn))
    aws.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    with refused("InvalidArgument"):
        aws.notify("a-bucket", notification(arn))
    denial = {"Effect": "Deny", "Principal": "*", "Action": "SQS:*", "Resource": arn}
    policy = json.loads(queue_policy(arn, "a-bucket"))
    policy["Statement"].append(denial)
    aws.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    with refused("InvalidArgument"):
        aws.notify("a-bucket", notification(arn))
    assert configured(aws) == []
    open_queue(aws)
    closed = notification(arn.replace(":a-queue", ":another"), "b/")
    aws.queue("another")
    with refused("InvalidArgument"):
        aws.notify("a-bucket", notification(arn, "a/"), closed)
    assert configured(aws) == []
    aws.notify("a-bucket", notification(arn, Id="it"))
    assert configured(aws) == ["it"]


def make_function(aws, name="a-function", **spec):
    """Create a function, and the role that it has, and return its ARN."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    iam = aws.shared("iam")
    roles = [role["Arn"] for role in iam.list_roles()["Roles"] if role["RoleName"] == "a-role"]
    role = roles or [
        iam.create_role(RoleName="a-role", AssumeRolePolicyDocument=json.dumps(trust))["Role"][
            "Arn"
        ]
    ]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("it.py", "")
    whole = {
        "Runtime": "python3.13",
        "Handler": "it.handler",
        "Code": {"ZipFile": archive.getvalue()},
    }
    answer = aws.functions.create_function(FunctionName=name, Role=role[0], **whole | spec)
    return answer["FunctionArn"]


@semantic("notification-needs-the-function-s-permission", "with-s3.html, AddPermission")
def _(aws):
    aws.bucket()
    arn = make_function(aws)
    wanted = {
        "LambdaFunctionConfigurations": [
            {"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}
        ]
    }
    permission = {
        "FunctionName": "a-function",
        "Action": "lambda:InvokeFunction",
        "Principal": "s3.amazonaws.com",
        "SourceAccount": ACCOUNT,
    }

    def put():
        aws.s3.put_bucket_notification_configuration(
            Bucket="a-bucket", NotificationConfiguration=wanted
        )

    with refused("InvalidArgument"):
        put()
    other = permission | {"StatementId": "other", "SourceArn": "arn:aws:s3:::another-bucket"}
    aws.functions.add_permission(**other)
    with refused("InvalidArgument"):
        put()
    aws.functions.add_permission(
        **permission | {"StatementId": "it", "SourceArn": "arn:aws:s3:::a-bucket"}
    )
    put()
    answer = aws.s3.get_bucket_notification_configuration(Bucket="a-bucket")
    assert [one["LambdaFunctionArn"] for one in answer["LambdaFunctionConfigurations"]] == [arn]
