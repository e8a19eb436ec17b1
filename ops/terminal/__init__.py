"""Values come in; text for the screen goes out, and values from what a person typed."""
