"""A stack's settings come in; the pipeline's resources go out as Pulumi components."""
