"""The Pulumi program: a stack's settings → its provider → its pipeline → its outputs."""

import pulumi

from infra import provider
from infra.pipeline import DataPipeline
from infra.settings import Settings, configured_values

settings = Settings.load()
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
    pulumi.ResourceOptions(
        providers=[provider.make_provider(configured_values(provider.NAMESPACE), tags)]
    ),
)
for name, value in pipeline.outputs.items():
    pulumi.export(name, value)
