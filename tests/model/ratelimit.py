"""The header RateLimit of draft-ietf-httpapi-ratelimit-headers, a structured field (RFC 9651)."""

import re

KEY = r"[a-z*][a-z0-9_.*-]*"
STRING = r'"(?:[ !#-\[\]-~]|\\["\\])*"'
TOKEN = r"[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*"
NUMBER = r"-?[0-9]{1,12}\.[0-9]{1,3}|-?[0-9]{1,15}"
ITEM = rf"(?:{NUMBER}|{STRING}|{TOKEN}|:[A-Za-z0-9+/=]*:|\?[01]|@-?[0-9]{{1,15}})"
PARAMETER = rf"; *({KEY})(?:=({ITEM}))?"
PARAMETERS = rf"(?:; *{KEY}(?:={ITEM})?)*"
LIST_MEMBER = rf"(?:{STRING}|{TOKEN})(?P<parameters>{PARAMETERS})"
DICTIONARY_MEMBER = rf"(?P<key>{KEY})=(?P<item>{ITEM}){PARAMETERS}"


def seconds(field):
    """How long the exhausted quotas ask to wait; `None` if there is none, or for what can't be
    read as a whole."""
    if re.match(f"{KEY}=", field):  # the dictionary of draft -07
        quotas = [{member["key"]: member["item"] for member in members(DICTIONARY_MEMBER, field)}]
        remaining, reset = "remaining", "reset"
    else:
        found = members(LIST_MEMBER, field)
        quotas = [dict(re.findall(PARAMETER, member["parameters"])) for member in found]
        remaining, reset = "r", "t"
    waits = []
    for quota in quotas:
        given = [quota[name] for name in (remaining, reset) if name in quota]
        if not all(re.fullmatch("-?[0-9]{1,15}", value) and int(value) >= 0 for value in given):
            return None
        if len(given) == 2 and int(quota[remaining]) == 0:
            waits.append(int(quota[reset]))
    return max(waits, default=None)


def members(pattern, field):
    """A match for each member; none for a field that is anything but a list of such."""
    member, comma = re.compile(pattern), re.compile(r"[ \t]*,[ \t]*")
    found, at = [], 0
    while match := member.match(field, at):
        found.append(match)
        if match.end() == len(field):
            return found
        between = comma.match(field, match.end())
        if not between:
            break
        at = between.end()
    return []
