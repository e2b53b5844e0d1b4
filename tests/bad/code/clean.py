"""A step of the specs beside this folder. It is never run."""
