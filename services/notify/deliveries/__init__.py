"""Deliveries as their owners see them: listed, sent again, replayed."""
