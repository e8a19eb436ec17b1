"""Files of declarations come in; checked datasets, their columns and their changes go out. Pure."""
