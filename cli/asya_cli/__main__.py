"""Entry point: ``python -m asya_cli``."""

from asya_cli.main import main

if __name__ == "__main__":
    main(prog_name="asya")
