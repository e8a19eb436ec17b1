"""Requests for queues come in; those that SQS would refuse do not get through to moto."""
