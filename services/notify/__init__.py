"""Notify: tells subscribers what happened in the directory, by signed webhooks."""
