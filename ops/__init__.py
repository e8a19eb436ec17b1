"""The operator's command line, `python -m ops`, for a deployed stack and the local pipeline."""
