"""The Pulumi program: a stack's settings → its pipeline → its outputs."""

import pulumi
import pulumi_aws as aws

from infra.pipeline import DataPipeline
from infra.settings import Settings

settings = Settings.load()
project, stack = pulumi.get_project(), pulumi.get_stack()
provider = aws.Provider(
    "aws",
    # A provider that a program makes takes nothing from the stack's `aws:` keys by itself.
    region=aws.config.region,
    profile=aws.config.profile,
    default_tags=aws.ProviderDefaultTagsArgs(
        tags={
            "Project": project,
            "Stack": stack,
            "Environment": settings.environment,
            "ManagedBy": "pulumi",
        }
    ),
)
pipeline = DataPipeline(
    f"{project}-{stack}", settings, pulumi.ResourceOptions(providers=[provider])
)
for name, value in pipeline.outputs.items():
    pulumi.export(name, value)
