"""Command lines about replays come in; completed files are processed again, here or by a job."""
