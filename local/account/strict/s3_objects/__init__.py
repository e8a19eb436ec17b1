"""Requests for objects: what S3 checks of them and moto does not."""
