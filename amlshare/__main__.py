"""`python -m amlshare`, and the command `amlshare`."""

from amlshare import signals


def main() -> None:
    """Run the command line. What takes time to import is imported when signals are heeded."""
    signals.end_at_once()
    from amlshare import cli

    cli.main()


if __name__ == "__main__":
    main()
