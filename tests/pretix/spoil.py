"""Spoils scheduled exports as an update of pretix can: `spoil.py --organizer harbour --event concert`.

Run by pretix's interpreter. Their stored parameters no longer fit their exporters, which makes each list
that holds one answer 500.
"""
# mypy: ignore-errors

from __future__ import annotations

import argparse
import json

from pretix.base.models.exports import ScheduledEventExport, ScheduledOrganizerExport


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--organizer", required=True)
    parser.add_argument("--event", required=True)
    options = parser.parse_args()
    lists = (
        ScheduledEventExport.objects.filter(event__slug=options.event, event__organizer__slug=options.organizer),
        ScheduledOrganizerExport.objects.filter(organizer__slug=options.organizer),
    )
    spoilt = 0
    for exports in lists:
        export = exports.first()
        export.export_form_data = {}
        export.save()
        spoilt += 1
    print(json.dumps(spoilt))


if __name__ == "__main__":
    main()
