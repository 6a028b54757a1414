"""The recipes that made `checkpoints/`. Each is one file with a typed configuration at its top."""
