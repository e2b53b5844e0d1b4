"""The backend that runs and publishes a pipeline on Azure ML with SDK v1.

Its parts are imported where they are used: `plan` needs `limits` and `job` alone, and no SDK.
"""
