"""Mail to owners of accounts and to contact points: an outbox of rows, and the way out of it."""
