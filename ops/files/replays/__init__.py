"""Completed files come in; new uploads of them go out: copied from here, or by a job."""
