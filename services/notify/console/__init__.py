"""The console: pages on which a webhook's owner sees what it is owed, and keeps it going."""
