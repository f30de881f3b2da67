"""Erasing a person's details wherever the directory has kept them."""
