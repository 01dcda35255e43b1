"""Write the report: `python dbt/report FILE.html`, on the database that the DBT_ variables of profiles.yml name."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

if not __package__:
    # Run as a folder: then its own modules are found beside it.
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from report import figures
from report.database import Marts
from report.page import page


def main() -> None:
    """Read the marts, write the page, and a picture of the sales if asked for."""
    parser = argparse.ArgumentParser(prog="report", description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", default=os.environ.get("DBT_REPORT_PATH") or "report.html")
    parser.add_argument("--title", default="Ticket sales")
    parser.add_argument(
        "--picture",
        type=Path,
        default=os.environ.get("DBT_REPORT_PICTURE"),
        help="an SVG file for the sales curves",
    )
    options = parser.parse_args()
    marts = Marts.of_environment()
    found = figures.figures(marts)
    text = page(options.title, found, figures.totals(marts), figures.events(marts))
    Path(options.file).parent.mkdir(parents=True, exist_ok=True)
    Path(options.file).write_text(text, encoding="utf-8")
    print("report:", Path(options.file).resolve().as_uri())
    if options.picture and found[0].chart:
        import vl_convert  # noqa: PLC0415 - large, and not for everybody

        sized = {
            **found[0].chart,
            "width": 760,
            "background": "white",
            "config": {"legend": {"labelLimit": 700}},
        }
        Path(options.picture).write_text(vl_convert.vegalite_to_svg(sized), encoding="utf-8")


if __name__ == "__main__":
    main()
