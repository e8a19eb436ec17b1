"""A stack's outputs come in; its state, a run of the archiver or IAM policies go out."""
