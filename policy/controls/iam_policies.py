"""Controls: the permissions of roles, as catalogues require."""

from typing import Final

from policy import statements, tokens
from policy.control import control
from policy.graph import Resource

# X-Ray and metrics have no resources to limit these to.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
_UNRESTRICTABLE: Final = frozenset(
    {"xray:PutTraceSegments", "xray:PutTelemetryRecords", "cloudwatch:GetMetricStatistics"}
)
# As Checkov's analysis (policy_sentry, cloudsplaining) lists them, of the services used here.
_ESCALATING: Final = (
    "iam:PassRole", "iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion", "iam:PutRolePolicy",
    "iam:AttachRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:CreateAccessKey",
    "lambda:CreateFunction", "lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration",
)  # fmt: skip
_CREDENTIALS: Final = (
    "sts:AssumeRole", "sts:GetFederationToken", "iam:CreateAccessKey", "iam:CreateLoginProfile",
    "iam:UpdateLoginProfile", "lambda:GetFunction",
)  # fmt: skip
_EXFILTRATING: Final = ("s3:GetObject", "s3:GetObjectVersion", "ssm:GetParameter*",
                        "secretsmanager:GetSecretValue")  # fmt: skip
_PERMISSIONS: Final = (
    "iam:PutRolePolicy", "iam:AttachRolePolicy", "kms:CreateGrant", "kms:PutKeyPolicy",
    "lambda:AddPermission", "s3:PutBucketPolicy", "s3:PutBucketAcl", "s3:PutObjectAcl",
    "s3:PutBucketPublicAccessBlock", "sns:AddPermission", "sqs:AddPermission",
    "sqs:SetQueueAttributes",
)  # fmt: skip
_WRITING: Final = ("s3:PutObject", "s3:DeleteObject", "sqs:SendMessage", "sqs:DeleteMessage",
                   "lambda:InvokeFunction", "logs:PutLogEvents")  # fmt: skip
_DECRYPTING: Final = ("kms:Decrypt", "kms:ReEncryptFrom")


@control(
    "IAM.1",
    'IAM policies should not allow full "*" administrative privileges',
    tokens.ROLE_POLICY,
    also=("CKV_AWS_62", "CIS 1.15"),
)
def is_not_administrative(policy: Resource) -> list[str]:
    return [
        f"{statements.label(it)} allows everything"
        for it in statements.allowing(policy)
        if "*" in statements.actions(it) and "*" in statements.resources(it)
    ]


@control(
    "IAM.21",
    "IAM customer managed policies that you create should not allow wildcard actions for services",
    tokens.ROLE_POLICY,
)
def names_each_action(policy: Resource) -> list[str]:
    return [
        f"{statements.label(it)} allows {action}"
        for it in statements.allowing(policy)
        for action in statements.actions(it)
        if "*" in action
    ]


@control(
    "CKV_AWS_63",
    'No IAM policies documents allow "*" as a statement\'s actions',
    tokens.ROLE_POLICY,
)
def allows_no_wildcard(policy: Resource) -> list[str]:
    return [
        f"{statements.label(it)} allows every action"
        for it in statements.allowing(policy)
        if "*" in statements.actions(it)
    ]


@control(
    "CKV_AWS_355",
    'No IAM policies documents allow "*" as a statement\'s resource for restrictable actions',
    tokens.ROLE_POLICY,
)
def names_each_resource(policy: Resource) -> list[str]:
    return [
        f"{statements.label(it)} allows {action} on every resource"
        for it in statements.allowing(policy)
        if "*" in statements.resources(it)
        for action in statements.actions(it)
        if action not in _UNRESTRICTABLE
    ]


@control(
    "CKV_AWS_286", "IAM policies do not allow privilege escalation", tokens.ROLE_POLICY,
)  # fmt: skip
def lets_nobody_rise(policy: Resource) -> list[str]:
    return allowed(policy, _ESCALATING)


@control("CKV_AWS_287", "IAM policies do not allow credentials exposure", tokens.ROLE_POLICY)
def exposes_no_credentials(policy: Resource) -> list[str]:
    return allowed(policy, _CREDENTIALS)


@control("CKV_AWS_288", "IAM policies do not allow data exfiltration", tokens.ROLE_POLICY)
def reads_only_named_data(policy: Resource) -> list[str]:
    return _allowed_everywhere(policy, _EXFILTRATING)


@control(
    "CKV_AWS_289",
    "IAM policies do not allow permissions management / resource exposure without constraints",
    tokens.ROLE_POLICY,
)
def manages_no_permissions(policy: Resource) -> list[str]:
    return allowed(policy, _PERMISSIONS)


@control(
    "CKV_AWS_290",
    "IAM policies do not allow write access without constraints",
    tokens.ROLE_POLICY,
)
def writes_only_to_named_resources(policy: Resource) -> list[str]:
    return _allowed_everywhere(policy, _WRITING)


@control("CKV2_AWS_40", "AWS IAM policy does not allow full IAM privileges", tokens.ROLE_POLICY)
def does_not_manage_iam(policy: Resource) -> list[str]:
    return allowed(policy, ("iam:CreateUser", "iam:CreatePolicy", "iam:DeleteRole"))


@control(
    "KMS.2",
    "IAM principals should not have IAM inline policies that allow decryption actions on all KMS "
    "keys",
    tokens.ROLE_POLICY,
)
def decrypts_with_named_keys(policy: Resource) -> list[str]:
    return [
        f"{statements.label(it)} allows {action} with {resource}"
        for it in statements.allowing(policy)
        for action in statements.covers_any(it, _DECRYPTING)
        for resource in statements.resources(it)
        if resource == "*" or resource.endswith((":key/*", ":alias/*"))
    ]


def allowed(policy: Resource, names: tuple[str, ...]) -> list[str]:
    return [
        f"{statements.label(it)} allows {action}"
        for it in statements.allowing(policy)
        for action in statements.covers_any(it, names)
    ]


def _allowed_everywhere(policy: Resource, names: tuple[str, ...]) -> list[str]:
    return [
        f"{statements.label(it)} allows {action} on every resource"
        for it in statements.allowing(policy)
        if "*" in statements.resources(it)
        for action in statements.covers_any(it, names)
    ]
