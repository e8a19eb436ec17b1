"""Command lines about dead letters come in; what failed goes out, is sent back or deleted."""
