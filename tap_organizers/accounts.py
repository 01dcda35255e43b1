"""The tokens that a run reads with, and which of them reads which organizer."""

from __future__ import annotations

import dataclasses
import typing as t

from tap_organizers import oauth

if t.TYPE_CHECKING:
    from rest_tap.stream import Context

#: Name of the account that OAuth gives access to.
BY_OAUTH = oauth.SETTINGS[-1]
#: In the context of a list of organizers, the account that reads it. No placeholder or field can have such a name.
ACCOUNT = "by account"
#: Characters that the slug of an organizer has at most in pretix; its tokens have more.
LONGEST_SLUG = 50


@dataclasses.dataclass(frozen=True, slots=True)
class Token:
    """A token of the settings.

    Attributes:
        name: Where it stands in the settings.
        value: The token.
        organizers: Slugs of the organizers that it is given for, where the settings name them.
    """

    name: str
    value: str = dataclasses.field(repr=False)
    organizers: frozenset[str] = frozenset()


def tokens(config: t.Mapping[str, t.Any]) -> list[Token]:
    """Return the different tokens of the settings: those of ``api_tokens`` in order, then the single ones.

    A token that is given several times is one account, and has one rate limit.
    """
    given = config.get("api_tokens") or ()
    if isinstance(given, dict):
        found = [
            # A name that is longer than its token may be a token: the two may have been swapped.
            Token(
                f"api_tokens, {f'organizer {slug}' if len(slug) <= len(value) else f'token {place}'}",
                value.strip(),
                frozenset({slug}),
            )
            for place, (slug, value) in enumerate(given.items(), 1)
        ]
    else:
        found = [Token(f"api_tokens, token {place}", value.strip()) for place, value in enumerate(given, 1)]
    if str(config.get("api_token") or "").strip():
        found.append(Token("api_token", str(config["api_token"]).strip()))
    if str(config.get(BY_OAUTH) or "").strip():
        found.append(Token(BY_OAUTH, str(config[BY_OAUTH]).strip()))
    different: dict[str, Token] = {}
    for token in found:
        known = different.setdefault(token.value, token)
        different[token.value] = dataclasses.replace(known, organizers=known.organizers | token.organizers)
    return list(different.values())


def wrong_tokens(config: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    """Yield what is wrong with the tokens of the settings; no token is in it."""
    given = config.get("api_tokens") or ()
    by_oauth = [name for name in oauth.SETTINGS if str(config.get(name) or "").strip()]
    if by_oauth and len(by_oauth) < len(oauth.SETTINGS):
        yield "give all of the settings client_id, client_secret and refresh_token, or none"
    elif not given and not by_oauth and "api_token" not in config:
        yield "give one of the settings api_token and api_tokens, or client_id, client_secret and refresh_token"
    if not given and not by_oauth and "api_token" in config and not str(config["api_token"]).strip():
        yield "setting api_token is empty"
    if isinstance(given, dict):
        # If the two were swapped, tokens would get into the log, where organizers are named.
        if any(not 0 < len(slug) <= LONGEST_SLUG for slug in given):
            yield "setting api_tokens has a name that is no slug: the slug of the organizer comes first, then the token"
            return
        named = [(f"the token of {slug}", one) for slug, one in given.items()]
    else:
        named = [(f"token {at}", one) for at, one in enumerate(given, 1)]
    for name, one in named:
        if not one.strip():
            yield f"setting api_tokens: {name} is empty"
        elif not _can_be_sent(one.strip()):
            yield f"setting api_tokens: {name} holds characters that cannot be sent"


def _can_be_sent(token: str) -> bool:
    """Return whether a header can hold a token."""
    return token.isprintable() and all(sign <= "\xff" for sign in token)


class Accounts:
    """Which account reads which organizer: the one that it is named for, or else the first one that sees it."""

    def __init__(self, config: t.Mapping[str, t.Any]) -> None:
        """Take the settings; no organizer is known yet."""
        self.tokens: t.Mapping[str, Token] = {token.name: token for token in tokens(config)}
        self._reads = {slug: token.name for token in self.tokens.values() for slug in token.organizers}
        self._seen: set[str] = set()

    def contexts(self) -> t.Iterator[dict[str, str]]:
        """Yield the contexts in which the list of organizers is read."""
        for name in self.tokens:
            yield {ACCOUNT: name}

    def of(self, context: Context) -> str:
        """Return the name of the account that reads what is below an organizer, or a list of organizers."""
        return self._reads[context["organizer"]] if "organizer" in context else str(context[ACCOUNT])

    def claim(self, slug: str, account: str) -> bool:
        """Take note that an account sees an organizer; return whether it is the one that reads it."""
        is_its_own = self._reads.setdefault(slug, account) == account
        if is_its_own:
            self._seen.add(slug)
        return is_its_own

    def unseen(self, account: str) -> list[str]:
        """Return the organizers that a token is given for and does not see."""
        return sorted(self.tokens[account].organizers - self._seen)
