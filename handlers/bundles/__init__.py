"""Small outputs of a day come in; bundles, their indexes, and single outputs out of them go out."""
