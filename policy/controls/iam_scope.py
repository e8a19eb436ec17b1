"""Controls: the resources in roles' permissions, this stack's and only those needed."""

from typing import Final

from policy import statements, tokens
from policy.control import control, unless
from policy.controls.iam_policies import allowed
from policy.graph import Graph, Resource

_BUCKET_CONFIGURATION: Final = (
    "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:PutBucketNotification",
    "s3:PutBucketVersioning", "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration",
    "s3:PutReplicationConfiguration",
)  # fmt: skip
_OBJECT_ACTIONS: Final = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject",
                          "s3:DeleteObjectVersion")  # fmt: skip

# Where the archive is, and where in it an object may be a copy of what a bundle holds.
_ARCHIVED: Final = ("/archive/", "/bundles/", "/bundle-indexes/", "/bundle-layouts/")
_COPIES: Final = "/archive/*"


@control("PIPE.47", "No role deletes a version of an output or of the archive", tokens.ROLE_POLICY)
def keeps_versions_of_outputs(policy: Resource) -> list[str]:
    return [
        f"{statements.label(it)} deletes versions of {resource}"
        for it in statements.allowing(policy)
        if statements.covers(it, "s3:DeleteObjectVersion")
        for resource in statements.resources(it)
        if not resource.endswith("/incoming/*")
    ]


@control("PIPE.48", "No role deletes from the archive, but copies that it names by their ETag",
         tokens.ROLE_POLICY)  # fmt: skip
def keeps_the_archive(policy: Resource) -> list[str]:
    return [
        f"{statements.label(it)} deletes from {resource}"
        for it in statements.allowing(policy)
        if statements.covers_any(it, ("s3:DeleteObject", "s3:DeleteObjectVersion"))
        for resource in statements.resources(it)
        if _is_archived(resource) and not (resource.endswith(_COPIES) and _names_etags(it))
    ]


def _is_archived(resource: str) -> bool:
    return any(root in resource for root in _ARCHIVED) or resource.endswith(("*/*", ":::*"))


def _names_etags(statement: statements.Statement) -> bool:
    return statement.get("Condition", {}).get("Null", {}).get("s3:if-match") == "false"


@control("PIPE.49", "No role changes a bucket's configuration", tokens.ROLE_POLICY)
def leaves_buckets_as_they_are(policy: Resource) -> list[str]:
    return allowed(policy, _BUCKET_CONFIGURATION)


@control("PIPE.50", "Permissions on objects are limited to a key prefix",
         tokens.ROLE_POLICY)  # fmt: skip
def reaches_objects_by_prefix(policy: Resource) -> list[str]:
    return [
        f"{statements.label(it)} reaches every object of {resource}"
        for it in statements.allowing(policy)
        if statements.covers_any(it, _OBJECT_ACTIONS)
        for resource in statements.resources(it)
        if not resource.rpartition("/")[0].partition("/")[2]
    ]


@control("PIPE.51", "Every statement has a Sid that says what it is for", tokens.ROLE_POLICY,
         tokens.BUCKET_POLICY, tokens.QUEUE_POLICY, tokens.TOPIC_POLICY)  # fmt: skip
def says_what_it_is_for(policy: Resource) -> list[str]:
    found = [it.get("Sid") for it in statements.statements(policy)]
    return unless(
        all(found) and len(set(found)) == len(found), f"Sids are missing or repeated: {found}"
    )


@control("PIPE.52", "A role uses a KMS key only for the data of one service", tokens.ROLE_POLICY)
def uses_keys_for_a_service(policy: Resource) -> list[str]:
    return [
        f"{statements.label(it)} names neither kms:ViaService nor an encryption context"
        for it in statements.allowing(policy)
        if any(action.startswith("kms:") for action in statements.actions(it))
        and not any(
            key.startswith(("kms:viaservice", "kms:encryptioncontext:"))
            for key in statements.conditions(it)
        )
    ]


@control("PIPE.53", "Permissions on S3 are limited to this account's buckets", tokens.ROLE_POLICY)
def reaches_this_accounts_buckets(policy: Resource) -> list[str]:
    return [
        f"{statements.label(it)} names no aws:ResourceAccount"
        for it in statements.allowing(policy)
        if any(action.startswith("s3:") for action in statements.actions(it))
        and not statements.conditions(it).get("aws:resourceaccount")
    ]


@control("PIPE.54", "No role creates log groups, which would have no retention", tokens.ROLE_POLICY)
def makes_no_log_group(policy: Resource) -> list[str]:
    return allowed(policy, ("logs:CreateLogGroup",))


@control("PIPE.55", "Only the stack's own functions are invoked", tokens.ROLE_POLICY)
def invokes_the_stacks_functions(policy: Resource, graph: Graph) -> list[str]:
    return [
        f"{statements.label(it)} invokes what the stack does not hold"
        for it in statements.allowing(policy)
        if statements.covers(it, "lambda:InvokeFunction")
        and not graph.referred(policy, "policy", tokens.FUNCTION)
    ]
