"""Command lines about datasets come in; answers to queries, drafts and what files break go out."""
