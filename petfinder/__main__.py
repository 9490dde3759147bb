"""`python -m petfinder`: the command line."""

from petfinder.cli import main

if __name__ == "__main__":
    main()
