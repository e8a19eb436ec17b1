"""The tables of the datasets in the Glue catalog, and the workgroup in which they are queried."""

from collections.abc import Mapping, Sequence
from typing import Final

import pulumi
import pulumi_aws as aws
from pulumi import Input, ResourceOptions
from pulumi_aws.athena import WorkgroupConfigurationArgs as Configuration
from pulumi_aws.athena import WorkgroupConfigurationEngineVersionArgs as EngineVersion
from pulumi_aws.athena import (
    WorkgroupConfigurationManagedQueryResultsConfigurationArgs as ManagedResults,
)
from pulumi_aws.athena import (
    WorkgroupConfigurationManagedQueryResultsConfigurationEncryptionConfigurationArgs as Encryption,
)
from pulumi_aws.glue import CatalogTablePartitionKeyArgs as PartitionKey
from pulumi_aws.glue import CatalogTableStorageDescriptorArgs as StorageDescriptor
from pulumi_aws.glue import CatalogTableStorageDescriptorColumnArgs as Column
from pulumi_aws.glue import CatalogTableStorageDescriptorSerDeInfoArgs as SerDe

from handlers import keys
from handlers.transform.datasets.dataset import Dataset
from infra.bucket import DataBucket
from infra.datasets import tables
from infra.datasets.columns import PARTITION
from infra.datasets.named_queries import named_queries
from infra.datasets.tables import Table

_BYTES_OF_A_GIGABYTE: Final = 10**9


class Catalog(pulumi.ComponentResource):
    """A database with the tables of each dataset, and a workgroup for queries of it.

    Nothing of it costs anything until somebody queries.

    Attributes:
        database_name: the database's name.
        workgroup_name: the workgroup's name.
        table_names: the names of the tables, each known once the table is made.
    """

    def __init__(
        self,
        name: str,
        *,
        datasets: Sequence[Dataset],
        processed: DataBucket,
        archive: DataBucket,
        query_limit_gigabytes: int,
        kms_key_arn: str | None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("s3-data-pipeline:index:Catalog", name, None, opts)
        self._child = ResourceOptions(parent=self)
        buckets = {
            keys.PROCESSED: processed.name,
            keys.ARCHIVE: archive.name,
            keys.BUNDLES: archive.name,
            keys.REJECTED: processed.name,
        }
        self.workgroup_name = self._workgroup(name, query_limit_gigabytes, kms_key_arn)
        database = aws.glue.CatalogDatabase(
            f"{name}-database",
            name=self.workgroup_name.apply(lambda neighbour: database_name(name, neighbour)),
            description=f"The datasets of {name}",
            opts=self._child,
        )
        self.database_name = database.name
        self.table_names: list[pulumi.Output[str]] = []
        for dataset in datasets:
            self._add(name, dataset, buckets)
        self.register_outputs(
            {"database_name": self.database_name, "workgroup_name": self.workgroup_name}
        )

    def _workgroup(
        self, name: str, limit_gigabytes: int, kms_key_arn: str | None
    ) -> pulumi.Output[str]:
        """Create the workgroup; results are in Athena's own storage, for 24 hours, at no charge.

        https://docs.aws.amazon.com/athena/latest/ug/managed-results.html
        """
        workgroup = aws.athena.Workgroup(
            f"{name}-queries",
            description=f"Queries of the datasets of {name}",
            configuration=Configuration(
                enforce_workgroup_configuration=True,
                bytes_scanned_cutoff_per_query=limit_gigabytes * _BYTES_OF_A_GIGABYTE,
                publish_cloudwatch_metrics_enabled=True,  # at no charge: they are AWS's own
                engine_version=EngineVersion(selected_engine_version="AUTO"),
                managed_query_results_configuration=ManagedResults(
                    enabled=True,
                    encryption_configuration=Encryption(kms_key=kms_key_arn)
                    if kms_key_arn
                    else None,
                ),
            ),
            # Athena deletes no workgroup in which a query was ever run, unless it is told to.
            force_destroy=True,
            opts=self._child,
        )
        return workgroup.name

    def _add(self, name: str, dataset: Dataset, buckets: Mapping[str, Input[str]]) -> None:
        """Create the tables and the named queries of a dataset."""
        for table in tables.tables(dataset):
            made = self._table(f"{name}-{table.name}", table, buckets[table.root])
            self.table_names.append(made.name)
        for query in named_queries(dataset):
            aws.athena.NamedQuery(
                f"{name}-{query.name}",
                name=query.name,
                description=query.description,
                database=self.database_name,
                workgroup=self.workgroup_name,
                query=query.sql,
                opts=self._child,
            )

    def _table(self, name: str, table: Table, bucket: Input[str]) -> aws.glue.CatalogTable:
        placed = pulumi.Output.from_input(bucket)
        return aws.glue.CatalogTable(
            name,
            name=table.name,
            database_name=self.database_name,
            description=table.description,
            table_type="EXTERNAL_TABLE",
            parameters=placed.apply(table.parameters),
            partition_keys=[
                PartitionKey(name=PARTITION, type=tables.PARTITION_TYPE, comment="The day, in UTC")
            ],
            storage_descriptor=StorageDescriptor(
                location=placed.apply(table.location),
                input_format=tables.INPUT_FORMAT,
                output_format=tables.OUTPUT_FORMAT,
                ser_de_info=SerDe(serialization_library=tables.SERDE),
                columns=[
                    Column(name=column.name, type=column.type, comment=column.comment or None)
                    for column in table.columns
                ],
            ),
            opts=self._child,
        )


def database_name(stack: str, neighbour: str) -> str:
    """Return the name of a stack's database, which SQL can write without quotes.

    Pulumi would generate one with hyphens. To differ between stacks of one name in an account, it
    has the random end of the generated name of a resource beside it.
    https://docs.aws.amazon.com/athena/latest/ug/tables-databases-columns-names.html
    """
    random = neighbour.rpartition("-")[2]
    return f"{stack}_{random}".replace("-", "_").lower()
