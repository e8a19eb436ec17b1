"""Command lines about files come in; what happened to them goes out, or they are sent again."""
