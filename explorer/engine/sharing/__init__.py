"""What a run showed, kept and handed on: one file for each format."""
