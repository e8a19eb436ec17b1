"""Controls: the tables of datasets, and the workgroup that queries them."""

from typing import Final

from policy import tokens
from policy.control import control, unless
from policy.controls.tagging import is_tagged
from policy.graph import Graph, Resource

_RESULTS: Final = "configuration.managedQueryResultsConfiguration"


@control("Athena.3", "Athena workgroups should be tagged", tokens.WORKGROUP)
def carries_tags(workgroup: Resource, graph: Graph) -> list[str]:
    return is_tagged(workgroup, graph)


@control("Athena.4", "Athena workgroups should have logging enabled", tokens.WORKGROUP)
def publishes_metrics(workgroup: Resource) -> list[str]:
    return unless(
        workgroup.get("configuration.publishCloudwatchMetricsEnabled") is True,
        "publishes no metrics of its queries",
    )


@control(
    "CKV_AWS_82",
    "Athena Workgroup should enforce configuration to prevent client disabling encryption",
    tokens.WORKGROUP,
)
def enforces_its_settings(workgroup: Resource) -> list[str]:
    return unless(
        workgroup.get("configuration.enforceWorkgroupConfiguration") is True,
        "lets a query set its own limit and place of results",
    )


@control(
    "CKV_AWS_159", "Athena Workgroup is encrypted by KMS", tokens.WORKGROUP, option="kmsKeyArn"
)
def encrypts_results_with_a_kms_key(workgroup: Resource) -> list[str]:
    key = workgroup.get(f"{_RESULTS}.encryptionConfiguration.kmsKey")
    return unless(bool(key), "no KMS key of the account encrypts results")


@control("PIPE.90", "A query may read only so many bytes", tokens.WORKGROUP)
def limits_queries(workgroup: Resource) -> list[str]:
    limit = workgroup.get("configuration.bytesScannedCutoffPerQuery")
    return unless(bool(limit), "a query may read, and cost, without a limit")


@control("PIPE.91", "No bucket holds the results of queries", tokens.WORKGROUP)
def keeps_results_in_athena(workgroup: Resource) -> list[str]:
    return unless(
        workgroup.get(f"{_RESULTS}.enabled") is True,
        "results stay in a bucket until they are deleted",
    )


@control("PIPE.92", "A table is over a bucket of the stack", tokens.TABLE)
def reads_a_bucket_of_the_stack(table: Resource, graph: Graph) -> list[str]:
    return unless(
        bool(graph.referred(table, "storageDescriptor", tokens.BUCKET)),
        "is over a bucket that the stack did not make",
    )


@control("PIPE.93", "The partitions of a table are computed, not stored", tokens.TABLE)
def projects_its_partitions(table: Resource) -> list[str]:
    parameters: dict[str, str] = table.get("parameters") or {}
    return unless(
        parameters.get("projection.enabled") == "true"
        and "storage.location.template" in parameters,
        "new days are not in it until somebody adds them",
    )


@control("PIPE.94", "A query that is kept is in the stack's workgroup", tokens.NAMED_QUERY)
def is_in_the_workgroup(query: Resource, graph: Graph) -> list[str]:
    return unless(
        bool(graph.referred(query, "workgroup", tokens.WORKGROUP)),
        "would run without the workgroup's limit",
    )


@control("PIPE.95", "Databases of the catalog are tagged", tokens.DATABASE)
def carries_the_tags(database: Resource, graph: Graph) -> list[str]:
    return is_tagged(database, graph)
