"""One version of a source file comes in; its output goes out, exactly once."""
