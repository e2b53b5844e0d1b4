"""What amlshare writes on what it makes in a workspace, and knows it by again."""

from __future__ import annotations

DIGEST = "amlshare.digest"
"""The property, and the tag of a run, that says what was published or run."""
TARGET = "amlshare.target"
"""The property, and the tag of a run, that says for which target of the spec."""

# of published pipelines
CODE = "amlshare.code"
FOLDERS = "amlshare.folders"
DATA = "amlshare.data"

# of runs
PIPELINE = "amlshare.pipeline"
"""The tag that says of which pipeline a run is."""
SUBMISSION = "amlshare.submission"
"""The tag that no other submit has, by which a run is found when a reply is lost."""
