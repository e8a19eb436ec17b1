"""Requests for jobs of S3 Batch Operations come in; the jobs go out, for a runner to run."""
