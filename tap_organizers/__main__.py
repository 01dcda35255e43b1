"""The command `tap-organizers`, and `python -m tap_organizers`."""

from __future__ import annotations

from rest_tap.start import start


def main() -> None:
    """Run the command line."""
    start("tap_organizers.tap", "TapOrganizers")


if __name__ == "__main__":
    main()
