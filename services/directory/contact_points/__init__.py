"""Contact points: whether they were shown to work, and how that is found out."""
