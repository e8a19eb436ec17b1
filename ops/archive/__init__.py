"""Keys, prefixes and days come in; copies of their archived outputs go out."""
