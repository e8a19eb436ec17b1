"""Outputs and what S3 says of them come in; the bytes of bundles and indexes go out, and back."""
