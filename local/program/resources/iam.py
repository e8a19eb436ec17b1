"""Create roles and their policies."""

from typing import Final

from local.program.resources.creation import Created, Creation

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_ROLE_NAME_LENGTH: Final = 64
_POLICY_NAME_LENGTH: Final = 128


def role(creation: Creation) -> Created:
    """Create a role."""
    name = creation.physical_name(_ROLE_NAME_LENGTH)
    creation.take("forceDetachPolicies")  # only about deletion
    answer = creation.call(
        "iam",
        "create_role",
        RoleName=name,
        AssumeRolePolicyDocument=creation.take_document("assumeRolePolicy"),
        Path=creation.take("path"),
        Description=creation.take("description"),
        MaxSessionDuration=creation.take("maxSessionDuration"),
        PermissionsBoundary=creation.take("permissionsBoundary"),
        Tags=creation.tag_list or None,
    )["Role"]
    outputs = {
        "name": name,
        "arn": answer["Arn"],
        "uniqueId": answer["RoleId"],
        "path": answer["Path"],
        "createDate": answer["CreateDate"].isoformat(),
    }
    return Created(id=name, outputs=outputs)


def role_policy(creation: Creation) -> Created:
    """Create an inline policy of a role."""
    name = creation.physical_name(_POLICY_NAME_LENGTH)
    owner = creation.take("role")
    creation.call(
        "iam",
        "put_role_policy",
        RoleName=owner,
        PolicyName=name,
        PolicyDocument=creation.take_document("policy"),
    )
    return Created(id=f"{owner}:{name}", outputs={"name": name})


def role_policy_attachment(creation: Creation) -> Created:
    """Attach a managed policy to a role."""
    owner, arn = creation.take("role"), creation.take("policyArn")
    creation.call("iam", "attach_role_policy", RoleName=owner, PolicyArn=arn)
    return Created(id=f"{owner}/{arn}")


def policy(creation: Creation) -> Created:
    """Create a managed policy."""
    name = creation.physical_name(_POLICY_NAME_LENGTH)
    answer = creation.call(
        "iam",
        "create_policy",
        PolicyName=name,
        PolicyDocument=creation.take_document("policy"),
        Path=creation.take("path"),
        Description=creation.take("description"),
        Tags=creation.tag_list or None,
    )["Policy"]
    outputs = {"name": name, "arn": answer["Arn"], "policyId": answer["PolicyId"]}
    return Created(id=answer["Arn"], outputs=outputs)
