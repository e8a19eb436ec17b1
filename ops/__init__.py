"""The operator's commands come in; the state of a deployed stack goes out, or changes."""
