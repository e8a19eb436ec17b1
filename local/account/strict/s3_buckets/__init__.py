"""Bucket settings: what S3 refuses of them and moto keeps."""
