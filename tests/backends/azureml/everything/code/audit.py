"""A step."""
