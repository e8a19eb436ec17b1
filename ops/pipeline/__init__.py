"""A stack comes in; its state, the summary of an archiver run, or IAM policies go out."""
