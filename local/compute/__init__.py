"""Lambda on this machine: an archive and events come in; each runs in a process, results go out."""
