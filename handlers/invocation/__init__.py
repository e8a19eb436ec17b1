"""Events, attempts and time come in from Lambda; references, logs and metrics go out."""
