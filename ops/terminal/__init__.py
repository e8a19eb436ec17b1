"""What a person types comes in as values; results and problems go out as text."""
