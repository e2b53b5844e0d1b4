"""Azure ML pipelines from reviewed YAML: what moves, what runs, what is kept."""

__version__ = "0.1.0"
