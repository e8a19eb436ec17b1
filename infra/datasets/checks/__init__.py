"""The content of a declaration's file comes in; each problem in it goes out. Pure."""
