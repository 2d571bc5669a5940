"""The descriptions of arguments in docstrings, in Markdown and with the package's names."""

import inspect
import re
from collections.abc import Collection, Mapping

from providers.base.face import outside

_PARAM = re.compile(r"^:param ([^:]+): (.*(?:\n(?!:|$).*)*)", re.MULTILINE)
_LIMITS = r"(?:^|(?<=[.,;] ))"


def summary(thing: object, fields: Collection[str]) -> str:
    """The part of a docstring before its parameters."""
    return _as_markdown((inspect.getdoc(thing) or "").partition("\n:")[0], fields)


def described(thing: object, fields: Collection[str]) -> Mapping[str, str]:
    """The description of each field in a docstring. One line may describe several: ``a: …, b: …``."""
    names = "|".join(map(re.escape, fields))
    several = re.compile(rf"{_LIMITS}((?:(?:{names}), )*(?:{names})): ")
    found: dict[str, str] = {}
    for param in _PARAM.finditer(inspect.getdoc(thing) or ""):
        text = " ".join(f"{param[1]}: {param[2]}".split())
        _, *parts = several.split(text)
        for listed, said in zip(parts[::2], parts[1::2], strict=True):
            plain = re.sub(r"[,;]( or)?$", "", said.strip())
            for name in listed.split(", "):
                said_before = [found[name]] if name in found else []
                found[name] = " ".join([*said_before, _sentence(_as_markdown(plain, fields))])
    return found


def _as_markdown(text: str, fields: Collection[str]) -> str:
    text = text.strip().replace("``", "`")
    for name in fields:
        if "_" in name:
            text = re.sub(rf"(?<![\w.]){name}(?!\w)", outside(name), text)
    return text


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "`)")) else ".") if text[:1] != "`" else text
