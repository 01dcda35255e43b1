"""No text of a server shows a secret, however it echoes it."""

from __future__ import annotations

import logging
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rest_tap.redact import MASK, MAX_TEXT_LENGTH, Redactor, clear_logs
from tests.conftest import kept_log
from tests.support.echoes import ECHOES

TOKEN = "k3yqz8w1" * 4 + "x7Lm0pRv" * 4
PASSWORD = 'pass  word/"7&ü'


def redactor(*secrets: str) -> Redactor:
    return Redactor(lambda: secrets)


def pieces(secret: str, size: int) -> set[str]:
    return {secret[start : start + size].lower() for start in range(len(secret) - size + 1)}


@pytest.mark.parametrize("secret", [TOKEN, PASSWORD, "hunter2!x"], ids=["token", "password", "short"])
@pytest.mark.parametrize("form", ECHOES)
def test_a_secret_is_cleared_however_it_is_echoed(form: str, secret: str) -> None:
    echo = ECHOES[form](secret)
    cleared = redactor(secret).clear(f"You sent <{echo}> to us.")
    assert cleared.startswith("You sent <")
    assert cleared.endswith("to us.")
    assert MASK in cleared
    shown = cleared.removeprefix("You sent <").removesuffix("> to us.").replace(MASK, "")
    assert len(shown) <= 12, shown
    assert not any(piece in shown.lower() for piece in pieces(secret, 6))


@pytest.mark.parametrize("odd", ["\x01", "\x1c", "\x1f", "\x7f", " ", "\t"])
@pytest.mark.parametrize("before", ["", "sent ", "größe "])
def test_a_secret_is_cleared_whatever_no_line_holds_breaks_it(odd: str, before: str) -> None:
    broken = odd.join(TOKEN[start : start + 4] for start in range(0, len(TOKEN), 4))
    assert redactor(TOKEN).clear(before + broken) == before + MASK


@pytest.mark.parametrize("size", [8, 20, 63])
def test_a_piece_of_a_token_is_cleared_as_well(size: int) -> None:
    for start in range(0, len(TOKEN) - size + 1, 5):
        assert redactor(TOKEN).clear(f"<{TOKEN[start : start + size]}>") == f"<{MASK}>"


def test_a_text_is_cleared_before_it_is_cut() -> None:
    for filler in range(MAX_TEXT_LENGTH - 70, MAX_TEXT_LENGTH + 10):
        text = redactor(TOKEN).clear("." * filler + TOKEN + "." * 1000)
        assert "k3yq" not in text
        assert len(text) <= MAX_TEXT_LENGTH + 2


def test_other_words_are_left_alone() -> None:
    text = "orders: the token is not valid any more (Größe 17, 100 %), look at the setting api_token"
    assert redactor(TOKEN, PASSWORD).clear(text) == text
    assert redactor().clear(text) == text
    assert redactor("", " ").clear(text) == text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("two\nlines\r\n\tmore", "two lines more"),
        ("a\x1b[31mred\x07", "a\ufffd[31mred\ufffd"),
        ("left\u202eright", "left\ufffdright"),
        ("line\u2028paragraph\u2029end\x85", "line paragraph end"),
        ("half \ud800", "half \ufffd"),
        ("\x00nul", "\ufffdnul"),
    ],
)
def test_a_text_is_one_printable_line(text: str, line: str) -> None:
    assert redactor(TOKEN).clear(text) == line


@given(st.text(min_size=6, max_size=40).filter(lambda text: len("".join(text.split())) >= 6), st.text(max_size=30))
def test_whatever_a_secret_is_it_is_not_left_whole(secret: str, around: str) -> None:
    cleared = redactor(secret).clear(f"{around}{secret}{around}")
    assert secret not in cleared or secret in MASK


def test_many_secrets_are_cleared_at_once() -> None:
    assert redactor("abc-and-more", "abc").clear("x abc-and-more abc") == f"x {MASK} {MASK}"


def test_words_of_our_own_stay_where_a_password_is_one_or_has_one_in_it() -> None:
    ours = redactor("event", "organizers1")
    assert ours.clear("orders of organizers: read event by event", is_own_text=True).count(MASK) == 0
    assert ours.clear("wrong password organizers1", is_own_text=True) == f"wrong password {MASK}"
    assert ours.clear("the password event is wrong") == f"the password {MASK} is wrong"


def test_every_log_record_is_a_line_without_secrets() -> None:
    mine = redactor(TOKEN)
    clear_logs(mine)
    logger = logging.getLogger("a.library")
    with kept_log(logging.DEBUG) as log:
        logger.warning("header %s\nINFO forged", quote(TOKEN))
        try:
            raise ValueError(TOKEN)  # noqa: TRY301
        except ValueError:
            logger.exception("oh no")
        logger.info("%d rows", 17)
        logger.info("a   table\twith\ncolumns")
        logger.warning("%s", "x" * 1_000_000)
    text = [logging.Formatter().format(record) for record in log]
    assert text[0] == f"header {MASK} INFO forged"
    assert TOKEN not in text[1]
    assert "Traceback" in text[1]
    assert text[2] == "17 rows"
    assert log[2].args == (17,)
    assert text[3] == "a   table with columns"
    assert len(text[4]) <= MAX_TEXT_LENGTH + 2
