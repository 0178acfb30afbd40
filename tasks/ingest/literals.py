"""Parses the objects of JSON and of Python literals without losing a digit of a number, or one of two equal keys."""

from __future__ import annotations

import ast
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

LONGEST_LITERAL: Final = 1024 * 1024
"""Characters; Python's parser needs several hundred bytes for each."""

LONGEST_EXPONENT: Final = 3
LONGEST_WHOLE: Final = 400
"""Digits; a whole number with more stays as it is written."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number that is not written as a whole one, as it is written."""

    written: str

    def __str__(self) -> str:
        """Return it in digits where it is whole, so that it is the same as where a point or an exponent lacks."""
        exact = self._exact
        if exact is None or exact != exact.to_integral_value() or exact.adjusted() >= LONGEST_WHOLE:
            return self.short
        return f"{exact.to_integral_value():f}" if exact else "0"

    @property
    def short(self) -> str:
        """It as Python writes it, or as it is written where that would lose digits."""
        number = float(self.written)
        is_exact = math.isfinite(number) and Decimal(repr(number)) == self._exact
        return repr(number) if is_exact else self.written

    @property
    def _exact(self) -> Decimal | None:
        _, _, exponent = self.written.lower().partition("e")
        return None if len(exponent.lstrip("+-0")) > LONGEST_EXPONENT else Decimal(self.written)


def _object(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(_repeated([key for key, _ in pairs]))
    return found


def _repeated(keys: Sequence[object]) -> str:
    twice = next(str(key) for key, number in Counter(keys).items() if number > 1)
    return f"The key “{twice[:100]}” comes more than once"


DECODER: Final = json.JSONDecoder(parse_float=Number, object_pairs_hook=_object)
"""Numbers with a point or an exponent become `Number`; an object with two equal keys is a `ValueError`."""


def python_value(text: str) -> object:
    """Return what a Python literal says.

    Raises:
        ValueError: It is none, is too long, or has two equal keys.
        SyntaxError, TypeError, RecursionError, MemoryError: It is none.
    """
    if len(text) > LONGEST_LITERAL:
        raise ValueError(f"It is longer than the {LONGEST_LITERAL} characters that a Python literal may have")
    bare = text.lstrip(" \t")
    return _value(ast.parse(bare, mode="eval").body, bare.encode())


def _value(node: ast.expr, text: bytes) -> object:
    if isinstance(node, ast.Constant):
        if type(node.value) is float:
            return _number(node, text, "")
        return node.value
    if isinstance(node, ast.List | ast.Tuple):
        return [_value(item, text) for item in node.elts]
    if isinstance(node, ast.Dict) and None not in node.keys:
        keys = [ast.literal_eval(key) for key in node.keys if key is not None]
        names = list(map(str, keys))  # 1 and "1" are one column
        if len(set(names)) < len(names):
            raise ValueError(_repeated(names))
        return dict(zip(keys, (_value(item, text) for item in node.values), strict=True))
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=float()) as operand):
            return _number(operand, text, "-")
    if isinstance(node, ast.Call):  # of which Python would tell where it lies in memory
        raise ValueError("It calls something, which no literal does")  # noqa: TRY004 - as of any other malformed literal
    return ast.literal_eval(node)


def _number(node: ast.Constant, text: bytes, sign: str) -> object:
    written = sign + text[node.col_offset : node.end_col_offset].decode().replace("_", "")
    return Number(written) if node.lineno == node.end_lineno == 1 else ast.literal_eval(node)


def json_text(value: object) -> str:
    """Return a value as JSON, its numbers as they are written, and its keys in order.

    Raises:
        TypeError: It holds what JSON has not.
    """
    try:
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    except TypeError:
        if isinstance(value, Number):
            return value.short
        if isinstance(value, Mapping):
            held = sorted(((str(key), item) for key, item in value.items()), key=lambda pair: pair[0])
            parts = (f"{json.dumps(key, ensure_ascii=False)}: {json_text(item)}" for key, item in held)
            return f"{{{', '.join(parts)}}}"
        if isinstance(value, list):
            return f"[{', '.join(json_text(item) for item in value)}]"
        raise
