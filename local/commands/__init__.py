"""The command line: arguments come in; a demo, a served pipeline or converted files go out."""
