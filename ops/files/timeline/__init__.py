"""The history of a file and the functions' log lines come in; what happened when goes out."""
