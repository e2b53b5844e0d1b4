"""Secrets in text, known by their shape: found, so that a spec with one is refused, and masked.

Narrow on purpose: a digest, a uuid, a file name or ``${env.NAME}`` is no secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

MASK = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A secret in a text: what kind it is, where it starts and ends (end exclusive)."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """How one kind of secret looks. Its group ``secret``, or all that matched, is masked.

    ``regex`` is tried only where one of ``hints`` occurs in the lower-cased text: a plain search
    is far faster, and most specs spare themselves even that it is compiled; and where ``quick``
    matches, which starts with a plain text too. Where there is ``also``, the word around a match
    must hold that too.
    """

    kind: str
    hints: tuple[str, ...]
    regex: str
    also: str = ""
    quick: str = ""
    named: bool = False

    def find_all(self, text: str, lowered: str) -> Iterator[Found]:
        if not any(hint in lowered for hint in self.hints):
            return
        if self.quick and not re.search(self.quick, text):
            return
        regex = re.compile(self.regex)
        group = "secret" if "secret" in regex.groupindex else 0
        for start, end in self._places(text):
            for match in regex.finditer(text, start, end):
                if not (is_harmless(match[group]) if self.named else _is_mask(match[group])):
                    yield Found(kind=self.kind, start=match.start(group), end=match.end(group))

    def _places(self, text: str) -> Iterator[tuple[int, int]]:
        if not self.also:
            yield 0, len(text)
            return
        for word in re.finditer(r"[^\s\"']+", text):
            if re.search(self.also, word[0]):
                yield word.span()


_NAMES = (
    r"(?:(?:client|app|shared)[_-]?secret|secret[_-](?:access[_-])?key|(?:pg|db|my)?pass(?:word|wd|phrase)|pwd|db[_-]pass|basic[_-]auth"
    r"|api[_-]?key|(?:account|storage|access|subscription)[_-]key"
    r"|(?:access|api|auth|azure|bearer|databricks|github|hf|pat|sas|secret|session|my)[_-]token|secret[_-]?key)"
)
# up to a bracket that closes what holds the text
_WORD = r"[^\s\"';,&\\]*[^\s\"';,&\\\]})]"
_NAME_HINTS = "secret _pass -pass password passwd passphrase pwd apikey _key -key _token -token"
_NAME = re.compile(rf"(?:.*(?:[^A-Za-z0-9]|(?<=[a-z0-9])(?=[A-Z])))?(?i:{_NAMES})")
# what stands where a secret is meant and gives none away: a reference, a placeholder, a path or
# URL, the name of an environment variable, a sentence
_HARMLESS = re.compile(
    r"[$<{\[(*@./-].*|[A-Za-z]\w*://.*|.*\s.*|.{0,3}|(?i:none|null|true|false)"
    r"|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+",
    re.DOTALL,
)


def _shape(kind: str, hints: str, regex: str, also: str = "", **more: Any) -> _Shape:
    return _Shape(kind=kind, hints=tuple(hints.split()), regex=regex, also=also, **more)


_SHAPES = (
    _shape(
        "private key",
        "-----begin",
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
        r"(?:(?:(?!-----)[\s\S]){0,8000}-----END [A-Z0-9 ]*-----|(?:\s+[A-Za-z0-9+/=]{20,})*)",
    ),
    _shape(
        "connection string",
        "accountkey sharedaccesskey",
        r"(?i)(?:Account|SharedAccess)Key\s*=\s*(?P<secret>[a-z0-9+/%]{8,}={0,2})",
        also=r"(?i)AccountName=|Endpoint=|EndpointsProtocol=",
    ),
    _shape(
        "storage account key",
        "accountkey sharedaccesskey",
        r"(?i)(?:Account|SharedAccess)Key\s*=\s*(?P<secret>[a-z0-9+/%]{8,}={0,2})",
    ),
    # 64 bytes in base64, as a SHA-512 digest is too, which says so
    _shape(
        "storage account key",
        "==",
        r"(?<![A-Za-z0-9+/])(?<!sha512[-:])(?=[A-Z0-9+/]{0,60}[a-z])(?=[a-z0-9+/]{0,60}[A-Z])"
        r"(?=[A-Za-z+/]{0,85}[0-9])[A-Za-z0-9+/]{86}==(?![A-Za-z0-9+/=])",
        quick=r"==(?<=[A-Za-z0-9+/]{86}==)",
    ),
    _shape(
        "SAS token",
        "sig=",
        r"(?i)(?<![a-z0-9])sig=(?P<secret>[a-z0-9%+/_=-]+)",
        also=r"(?i)(?<![a-z0-9])s[vepr]=",
    ),
    _shape("client secret", "q~", r"(?<![\w~.-])[\w~.-]{3}[0-9]Q~[\w~.-]{31,34}(?![\w~-])"),
    _shape("JSON web token", "eyj", r"(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}(?:\.[\w-]*)?"),
    _shape(
        "access token",
        "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ dapi hf_ jqqj9",
        r"(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,}|dapi[0-9a-f]{32}"
        r"|hf_[A-Za-z]{34,}|[A-Za-z0-9]{52}JQQJ9[9D][A-Za-z0-9]{26})(?![A-Za-z0-9])",
    ),
    _shape(
        "password",
        "://",
        r"://[^\s/?#:@\"']{0,200}:(?P<secret>(?![$<{*])[^\s/@\"']{1,500})@",
    ),
    _shape(
        "password",
        _NAME_HINTS,
        rf"(?i)(?<![a-z0-9]){_NAMES}=[\"']?(?P<secret>{_WORD})",
        named=True,
    ),
    _shape(
        "password",
        _NAME_HINTS,
        rf"(?i)(?<!\S)--?(?:[a-z0-9]+[_-])*{_NAMES}\s+[\"']?(?P<secret>{_WORD})",
        named=True,
    ),
)


# in a program, a name beside a value says little: `token=settings.token`, `"%s:%s@"`
_CERTAIN = tuple(shape for shape in _SHAPES if shape.kind != "password")
# programs that read private keys have the marks of one, with no key in between
_BODY = r"[A-Za-z0-9+/]{30}"
# the key of the storage emulator, which is everybody's
_EMULATOR = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)


def find_certain(text: str) -> list[Found]:
    """Every secret in a program that its own shape gives away, in order."""
    found = _find(text, _CERTAIN)
    return [each for each in found if not _is_anybodys(each, text[each.start : each.end])]


def _is_anybodys(found: Found, secret: str) -> bool:
    is_mark = found.kind == "private key" and not re.search(_BODY, secret)
    return is_mark or secret == _EMULATOR


def find_all(text: str) -> list[Found]:
    """Every secret in ``text``, in order; of two that overlap, the one that starts first."""
    return _find(text, _SHAPES)


def _find(text: str, shapes: Iterable[_Shape]) -> list[Found]:
    lowered = text.lower()
    everything = [found for shape in shapes for found in shape.find_all(text, lowered)]
    kept: list[Found] = []
    for found in sorted(everything, key=lambda found: found.start):
        if not kept or found.start >= kept[-1].end:
            kept.append(found)
    return kept


def find(text: str) -> Found | None:
    """The first secret in ``text``, or None."""
    return next(iter(find_all(text)), None)


def is_secret(name: str, value: object) -> bool:
    """Whether its name (``client_secret``, ``DB_PASSWORD``) makes a value of any shape a secret."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return False
    return _NAME.fullmatch(name) is not None and not is_harmless(str(value))


def may_name(text: str) -> bool:
    """False where no name in ``text`` can make its value a secret: then none need be looked at."""
    lowered = text.lower()
    return any(hint in lowered for hint in _NAME_HINTS.split())


def is_harmless(value: str) -> bool:
    """Whether a value stands for a secret rather than being one."""
    return _is_mask(value) or _HARMLESS.fullmatch(value) is not None


def _is_mask(value: str) -> bool:
    """``xxxxxx``: somebody has taken the secret out already."""
    return len(set(value)) == 1


def mask(text: str) -> str:
    """``text`` with ``*`` for each character of its secrets: columns stay where they are."""
    return blank(text, [(found.start, found.end) for found in find_all(text)])


_IN_URLS = re.compile(
    r"(?i)(?<=://)[^\s/@:\"']+(?=:?@)|(?<=/t/)[^\s/\"']+"
    r"|[?&][\w.-]*(?:token|secret|key|passw|sig)[\w.-]*=(?P<value>[^\s&\"']+)"
)


def mask_urls(text: str) -> str:
    """``text`` as ``mask`` has it, and without what may be a key in a URL, whatever its shape:
    before the host, behind ``/t/`` as in channels of conda, or in a query.
    """
    masked = mask(text)
    found = _IN_URLS.finditer(masked) if "://" in masked else ()
    spans = [each.span("value" if each["value"] else 0) for each in found]
    return blank(masked, [(a, b) for a, b in spans if not _HARMLESS.fullmatch(masked[a:b])])


def blank(text: str, ranges: Iterable[tuple[int, int]], by: str = MASK) -> str:
    """``text`` with ``by`` for each character in ``ranges`` that is no white space."""
    parts, position = [], 0
    for start, end in sorted(ranges):
        parts += [text[position:start], re.sub(r"\S", by, text[max(start, position) : end])]
        position = max(position, end)
    return "".join([*parts, text[position:]])
