"""The operator's command line: commands come in; a stack's state goes out, or changes."""
