"""The pipeline on AWS as Pulumi components, one noun a file."""
