"""Days and keys come in; the bundles of the archive and the outputs in them go out."""
