"""Requests for objects come in; those that S3 would refuse do not get through to moto."""
