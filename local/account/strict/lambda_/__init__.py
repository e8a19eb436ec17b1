"""Functions and event source mappings: what Lambda refuses of them and moto takes."""
