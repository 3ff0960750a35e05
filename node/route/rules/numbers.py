"""Comparisons between whole numbers and decimals, for which the language's checker lacks the overloads.

Its runtime compares them by value, but its checker refuses ``SliceThickness <= 2``. So the checker's declarations of the
comparisons are taken out and put back with the mixed ones added; no condition is rewritten, and positions in errors stay the
writer's. Arithmetic is left as it is: ``SliceThickness * 2`` must be written ``* 2.0``.
"""

from __future__ import annotations

from typing import Any

_Type = dict[str, Any]

_ORDERED = ("bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration")
_ORDERS = {"_<_": "less", "_<=_": "less_equals", "_>_": "greater", "_>=_": "greater_equals"}
_EQUALITIES = {"_==_": "equals", "_!=_": "not_equals"}
_MIXED = (("double", "int"), ("int", "double"))


def declarations() -> dict[str, Any]:
    """An environment document of the language: what to exclude of its standard library, what to declare instead."""
    functions = [*map(_order, _ORDERS), *map(_equality, _EQUALITIES), _membership()]
    return {"stdlib": {"exclude_functions": [{"name": f["name"]} for f in functions]}, "functions": functions}


def _order(operator: str) -> dict[str, Any]:
    name = _ORDERS[operator]
    same = [_overload(f"{name}_{kind}", _type(kind), _type(kind)) for kind in _ORDERED]
    mixed = [_overload(f"{name}_{a}_{b}", _type(a), _type(b)) for a, b in _MIXED]
    return {"name": operator, "overloads": same + mixed}


def _equality(operator: str) -> dict[str, Any]:
    name = _EQUALITIES[operator]
    mixed = [_overload(f"{name}_{a}_{b}", _type(a), _type(b)) for a, b in _MIXED]
    lists = [_overload(f"{name}_list_{a}_list_{b}", _list(_type(a)), _list(_type(b))) for a, b in _MIXED]
    return {"name": operator, "overloads": [_overload(name, _any("A"), _any("A")), *mixed, *lists]}


def _membership() -> dict[str, Any]:
    mapping = {"type_name": "map", "params": [_any("A"), _any("B")]}
    mixed = [_overload(f"in_{a}_list_{b}", _type(a), _list(_type(b))) for a, b in _MIXED]
    same = [_overload("in_list", _any("A"), _list(_any("A"))), _overload("in_map", _any("A"), mapping)]
    return {"name": "@in", "overloads": same + mixed}


def _overload(name: str, left: _Type, right: _Type) -> dict[str, Any]:
    return {"id": name, "args": [left, right], "return": _type("bool")}


def _type(name: str) -> _Type:
    return {"type_name": name}


def _list(of: _Type) -> _Type:
    return {"type_name": "list", "params": [of]}


def _any(name: str) -> _Type:
    return {"type_name": name, "is_type_param": True}
