"""A load, or what a stack measured, comes in; what it costs a month by list prices goes out."""
