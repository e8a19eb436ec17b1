"""The pipeline on this machine: the Pulumi program comes in; a running stack goes out."""
