"""`python -m amlshare`."""

from amlshare.cli import main

if __name__ == "__main__":
    main()
