"""Command lines about the whole pipeline come in; its state goes out, or it is run."""
