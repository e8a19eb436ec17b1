"""Queue messages and scheduled times come in; invocations of the functions go out."""
