"""The Pulumi program: settings and datasets → the provider → the pipeline → its outputs."""

import pulumi

from infra import declarations, provider
from infra.pipeline import DataPipeline
from infra.settings import Settings, configured_values

datasets, problems = declarations.load()
settings = Settings.load(problems)
declarations.log_changes(datasets)
project, stack = pulumi.get_project(), pulumi.get_stack()
tags = {
    "Project": project,
    "Stack": stack,
    "Environment": settings.environment,
    "ManagedBy": "pulumi",
}
pipeline = DataPipeline(
    f"{project}-{stack}",
    settings,
    datasets,
    pulumi.ResourceOptions(
        providers=[provider.make_provider(configured_values(provider.NAMESPACE), tags)]
    ),
)
for name, value in pipeline.outputs.items():
    pulumi.export(name, value)
