"""Loading many partners at once from a file, row by row, with a report of what came of each."""
