"""Delimited text comes in, CSV or TSV; batches of encoded records go out. Pure."""
