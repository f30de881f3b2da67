"""Webhooks as their owners see them: registered, verified, signed for, switched, judged."""
