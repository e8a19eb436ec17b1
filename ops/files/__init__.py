"""Keys and local files come in; uploads, their history and replays go out."""
