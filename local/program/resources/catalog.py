"""Create what datasets are queried by: Glue's databases and tables, Athena's workgroups."""

from typing import Final

from local.program.resources.creation import Created, Creation, shape

_DATABASE_INPUTS: Final = ("description", "locationUri", "parameters")
_TABLE_INPUTS: Final = (
    "description", "owner", "parameters", "partitionKeys", "retention", "storageDescriptor",
    "tableType", "viewExpandedText", "viewOriginalText",
)  # fmt: skip
_RENAMED: Final = {"serDeInfo": "SerdeInfo"}
# The provider writes two of Athena's names otherwise.
_WORKGROUP_NAMES: Final = {
    "enforceWorkgroupConfiguration": "EnforceWorkGroupConfiguration",
    "publishCloudwatchMetricsEnabled": "PublishCloudWatchMetricsEnabled",
}
_VERBATIM: Final = ("parameters",)
_NAME_LENGTH: Final = 255
_WORKGROUP_NAME_LENGTH: Final = 128
_QUERY_NAME_LENGTH: Final = 128


def database(creation: Creation) -> Created:
    """Create a database."""
    name = creation.physical_name(_NAME_LENGTH)
    if name != name.lower():
        raise creation.error(f"name is {name!r}, allowed: no upper-case letters")
    creation.call(
        "glue",
        "create_database",
        DatabaseInput={"Name": name, **_given(creation, _DATABASE_INPUTS)},
        Tags=dict(creation.tags) or None,
    )
    account = creation.account.account_id
    arn = f"arn:aws:glue:{creation.region}:{account}:database/{name}"
    return Created(id=f"{account}:{name}", outputs={"name": name, "catalogId": account, "arn": arn})


def table(creation: Creation) -> Created:
    """Create a table."""
    name, parent = creation.physical_name(_NAME_LENGTH), creation.take("databaseName")
    creation.call(
        "glue",
        "create_table",
        DatabaseName=parent,
        TableInput={"Name": name, **_given(creation, _TABLE_INPUTS)},
    )
    account = creation.account.account_id
    arn = f"arn:aws:glue:{creation.region}:{account}:table/{parent}/{name}"
    return Created(id=f"{account}:{parent}:{name}", outputs={"name": name, "arn": arn})


def workgroup(creation: Creation) -> Created:
    """Create a workgroup."""
    name = creation.physical_name(_WORKGROUP_NAME_LENGTH)
    creation.take("forceDestroy")  # of the provider alone: how to delete it
    creation.call(
        "athena",
        "create_work_group",
        Name=name,
        Configuration=shape(creation.take("configuration"), _WORKGROUP_NAMES),
        Description=creation.take("description"),
        Tags=creation.tag_list or None,
    )
    arn = f"arn:aws:athena:{creation.region}:{creation.account.account_id}:workgroup/{name}"
    return Created(id=name, outputs={"name": name, "arn": arn})


def named_query(creation: Creation) -> Created:
    """Create a named query."""
    name = creation.physical_name(_QUERY_NAME_LENGTH)
    answer = creation.call(
        "athena",
        "create_named_query",
        Name=name,
        Database=creation.take("database"),
        QueryString=creation.take("query"),
        Description=creation.take("description"),
        WorkGroup=creation.take("workgroup"),
    )
    return Created(id=answer["NamedQueryId"], outputs={"name": name})


def _given(creation: Creation, names: tuple[str, ...]) -> dict[str, object]:
    inputs = {name: creation.take(name) for name in names}
    given = {name: value for name, value in inputs.items() if value is not None}
    return shape(given, _RENAMED, _VERBATIM)
