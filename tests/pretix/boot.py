"""Runs one of our scripts inside pretix: `boot.py SCRIPT arguments…`, by pretix's interpreter.

The scripts speak to the test by printing one JSON document; whatever else pretix prints goes to
standard error.
"""
# mypy: ignore-errors

import contextlib
import runpy
import sys

import django


def main() -> None:
    result = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        django.setup()
        # Importable only now: it reads the settings.
        from django_scopes import scopes_disabled

        script = sys.argv[1]
        sys.argv = sys.argv[1:]
        with scopes_disabled(), contextlib.redirect_stdout(result):
            runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
