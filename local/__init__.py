"""The Pulumi program comes in; its stack runs on this machine, to be tried without AWS."""
