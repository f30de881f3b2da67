"""Mail to owners of webhooks: an outbox of rows, and the way out of it."""
