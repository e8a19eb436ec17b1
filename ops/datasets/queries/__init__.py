"""SQL comes in; the answers of Athena, or of DuckDB on the local pipeline, go out."""
