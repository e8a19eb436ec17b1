"""Local files and keys come in; uploads, histories of files and replays go out."""
