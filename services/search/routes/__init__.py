"""Search over HTTP: one file for each noun."""
