"""The command line: one file per command, one registry of shared options."""
