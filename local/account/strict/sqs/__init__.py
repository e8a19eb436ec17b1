"""Queues and messages: what SQS refuses, and how it hands messages out."""
