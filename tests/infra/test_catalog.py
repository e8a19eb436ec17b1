"""The tables, the workgroup and the named queries of the example dataset."""

import pytest

from tests.infra.recording import KEY, PROJECT, REGION, Graph, run_program

TABLE = "aws:glue/catalogTable:CatalogTable"
DATABASE = "aws:glue/catalogDatabase:CatalogDatabase"
WORKGROUP = "aws:athena/workgroup:Workgroup"
QUERY = "aws:athena/namedQuery:NamedQuery"
SUFFIXES = ("", "_archive", "_bundles", "_rejected")
PROJECTED = {
    "EXTERNAL": "TRUE",
    "classification": "json",
    "projection.enabled": "true",
    "projection.partition_day.type": "date",
    "projection.partition_day.format": "yyyy/MM/dd",
    "projection.partition_day.range": "2024/01/01,NOW",
    "projection.partition_day.interval": "1",
    "projection.partition_day.interval.unit": "DAYS",
}


@pytest.mark.parametrize(
    ("name", "bucket", "root", "more"),
    [
        ("orders", "processed", "processed", {}),
        ("orders_archive", "archive", "archive", {"read_restored_glacier_objects": "true"}),
        ("orders_bundles", "archive", "bundles", {"read_restored_glacier_objects": "true"}),
        ("orders_rejected", "processed", "rejected", {}),
    ],
)
def test_a_table_is_over_the_datasets_folder_of_each_day(
    dev: Graph, name: str, bucket: str, root: str, more: dict[str, str]
):
    inputs = dev.get(TABLE, name).inputs

    where = f"s3://{dev.name(bucket)}/{root}/"
    assert inputs["name"] == name
    assert inputs["databaseName"] == dev.one(DATABASE).inputs["name"]
    assert inputs["tableType"] == "EXTERNAL_TABLE"
    template = f"{where}${{partition_day}}/examples/orders/"
    assert inputs["parameters"] == {**PROJECTED, "storage.location.template": template, **more}
    (partition,) = inputs["partitionKeys"]
    assert (partition["name"], partition["type"]) == ("partition_day", "string")
    storage = inputs["storageDescriptor"]
    assert storage["location"] == where
    assert storage["serDeInfo"] == {"serializationLibrary": "org.openx.data.jsonserde.JsonSerDe"}
    assert storage["inputFormat"] == "org.apache.hadoop.mapred.TextInputFormat"
    assert storage["outputFormat"].endswith(".HiveIgnoreKeyTextOutputFormat")


def columns(graph: Graph, table: str) -> dict[str, str]:
    found = graph.get(TABLE, table).inputs["storageDescriptor"]["columns"]
    return {it["name"]: it["type"] for it in found}


def test_the_columns_are_those_of_the_declaration(dev: Graph):
    expected = {
        "order": "string",
        "placed": "string",
        "status": "string",
        "total": "double",
        "items": "bigint",
        "paid": "boolean",
        "_metadata": "struct<processed_at:string,environment:string,processor_version:string>",
    }
    assert columns(dev, "orders") == expected
    assert list(columns(dev, "orders")) == list(expected)
    assert columns(dev, "orders_archive") == columns(dev, "orders_bundles") == expected
    assert columns(dev, "orders_rejected") == {
        "line": "bigint",
        "row": "bigint",
        "field": "string",
        "rule": "string",
        "reason": "string",
        "raw": "string",
        "raw_bytes": "bigint",
    }


def test_the_workgroup_limits_every_query(dev: Graph, full: Graph):
    (configuration,) = (it.one(WORKGROUP).inputs["configuration"] for it in [dev])

    assert configuration == {
        "enforceWorkgroupConfiguration": True,
        "bytesScannedCutoffPerQuery": 10 * 10**9,
        "publishCloudwatchMetricsEnabled": True,
        "engineVersion": {"selectedEngineVersion": "AUTO"},
        "managedQueryResultsConfiguration": {"enabled": True},
    }
    results = full.one(WORKGROUP).inputs["configuration"]["managedQueryResultsConfiguration"]
    assert results == {"enabled": True, "encryptionConfiguration": {"kmsKey": KEY}}


def test_a_query_is_in_the_workgroup_and_the_database(dev: Graph):
    workgroup, database = dev.one(WORKGROUP), dev.one(DATABASE).inputs["name"]

    names = {
        "orders_latest_day", "orders_records_a_day", "orders_records_everywhere",
        "orders_rejects_a_day",
    }  # fmt: skip
    assert {it.inputs["name"] for it in dev.of(QUERY)} == names
    for query in dev.of(QUERY):
        assert query.inputs["database"] == database
        assert query.inputs["workgroup"] == dev.name("queries")
        assert (WORKGROUP, workgroup.name) in dev.before(query)


def test_the_limit_is_a_setting():
    graph = run_program({"aws:region": REGION, f"{PROJECT}:queryLimitGigabytes": "1"}, stack="dev")
    limit = graph.one(WORKGROUP).inputs["configuration"]["bytesScannedCutoffPerQuery"]
    assert limit == 10**9


def test_without_a_dataset_there_is_none_of_it():
    graph = run_program({"aws:region": REGION, f"{PROJECT}:datasetsPath": "off"}, stack="dev")

    for kind in (TABLE, DATABASE, WORKGROUP, QUERY):
        assert graph.of(kind) == []
    assert not {"glue_database_name", "athena_workgroup_name"} & graph.outputs.keys()


def test_without_a_dataset_consumers_query_nothing():
    settings = {"datasetsPath": "off", "consumerPrincipals": "111122223333"}
    config = {f"{PROJECT}:{key}": value for key, value in settings.items()}
    graph = run_program({"aws:region": REGION, **config}, stack="dev")

    policies = [it.inputs["policy"] for it in graph.of("aws:s3/bucketPolicy:BucketPolicy")]
    assert not any("GetBucketLocation" in it or "archive/*" in it for it in policies)
