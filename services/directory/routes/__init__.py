"""The directory over HTTP: a file for each noun."""
