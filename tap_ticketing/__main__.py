"""The command `tap-ticketing`, and `python -m tap_ticketing`."""

from __future__ import annotations

from rest_tap.start import start


def main() -> None:
    """Run the command line."""
    start("tap_ticketing.tap", "TapTicketing")


if __name__ == "__main__":
    main()
