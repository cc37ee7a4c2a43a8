"""Frozen dataclasses that become ones when they are first used: of the many that a run loads it makes few.

The standard library compiles six functions for each class, which takes 0.8 ms, and to collect the fields takes 0.06 ms.
"""

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar


def _with_late_inspect(name: str) -> ModuleType:
    """A module that imports `inspect` and seldom uses it, with one that is loaded at its first use: it takes 5 ms."""
    if "inspect" in sys.modules:
        return import_module(name)
    stand_in: Any = ModuleType("inspect")
    stand_in.__getattr__ = lambda attribute: getattr(import_module("inspect"), attribute)
    sys.modules["inspect"] = stand_in
    try:
        return import_module(name)
    finally:
        del sys.modules["inspect"]


if TYPE_CHECKING:
    import dataclasses
else:
    dataclasses = _with_late_inspect("dataclasses")

T = TypeVar("T")

_ORDER = ("__lt__", "__le__", "__gt__", "__ge__")
# Compiling an `__init__` costs as much as a hundred calls of the one that does without.
_FEW = 30
_FIELDS, _MATCHED = "__dataclass_fields__", "__match_args__"
_ONE_AT_A_TIME = threading.RLock()

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - type checkers know it by this name
else:

    def dataclass(cls: type[T] | None = None, /, **options: bool) -> Callable[[type[T]], type[T]] | type[T]:
        """As the standard library's, which makes what is not frozen, or has slots."""
        if not options.get("frozen") or "slots" in options:
            return dataclasses.dataclass(cls, **options)
        return lambda cls: _frozen(cls, options)


def _frozen(cls: Any, options: Mapping[str, bool]) -> Any:
    """A class with stand-ins for its fields, and for the methods that would have to be compiled."""
    for name in (_FIELDS, _MATCHED):
        setattr(cls, name, _Late(cls, name))
    if "__init__" not in cls.__dict__:
        cls.__init__ = _filling(cls)
    for names, manner in _methods(options):
        late = [name for name in names if cls.__dict__.get(name) is None]
        for name in late:
            setattr(cls, name, _stand_in(cls, name, late, manner))
    if cls.__setattr__ is not _refuse_to_set:  # one that is derived from another refuses as that does
        cls.__setattr__, cls.__delattr__ = _refuse_to_set, _refuse_to_delete
    return cls


class _Late:
    """Stands in for what the standard library tells of a class until somebody asks, as the first value's maker does."""

    def __init__(self, cls: Any, name: str) -> None:
        self._cls, self._name = cls, name

    def __get__(self, _value: object, _derived: type) -> Any:
        cls = self._cls
        with _ONE_AT_A_TIME:
            if vars(cls)[self._name] is self:
                derived = any(_FIELDS in vars(each) for each in cls.__mro__[1:])
                collect = dataclasses.dataclass(init=False, repr=False, eq=False, match_args=False, frozen=derived)
                collect(cls).__dataclass_params__.frozen = True  # else no frozen class may be derived from it
                setattr(cls, _MATCHED, tuple(_positional(dataclasses.fields(cls))))
        return vars(cls)[self._name]


def _methods(options: Mapping[str, bool]) -> Iterator[tuple[Sequence[str], Mapping[str, bool]]]:
    """Methods that come together, and how the standard library makes them and no others."""
    if options.get("repr", True):
        yield ("__repr__",), {"init": False, "eq": False}
    if options.get("order"):
        yield _ORDER, {"init": False, "repr": False, "order": True}
    if options.get("eq", True):
        yield ("__eq__", "__hash__"), {"init": False, "repr": False, "unsafe_hash": True}


def _stand_in(cls: Any, name: str, late: Sequence[str], manner: Mapping[str, bool]) -> Callable[..., Any]:
    def method(self: object, *args: Any) -> Any:
        _take_over(cls, late, manner)
        return getattr(cls, name)(self, *args)

    return method


def _filling(cls: Any) -> Callable[..., None]:
    """An `__init__` for a few, which is slow; whoever makes more gets the standard library's, as do all mistakes."""
    left = [None] * _FEW

    def method(self: Any, *args: Any, **kwargs: Any) -> None:
        values = _filled(dataclasses.fields(cls), args, kwargs) if left else None
        if values is None:
            _take_over(cls, ("__init__",), {"frozen": True, "repr": False, "eq": False})
            cls.__init__(self, *args, **kwargs)
            return
        del left[-1:]
        self.__dict__.update(values)
        if hasattr(cls, "__post_init__"):
            self.__post_init__()

    return method


def _filled(fields: Sequence[Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
    """The values of all fields; None where the call is wrong."""
    given = {**dict(zip(_positional(fields), args, strict=False)), **kwargs}
    if len(given) < len(args) + len(kwargs) or not given.keys() <= {each.name for each in fields if each.init}:
        return None
    values = {}
    for each in fields:
        if each.name in given:
            values[each.name] = given[each.name]
        elif each.default_factory is not dataclasses.MISSING:
            values[each.name] = each.default_factory()
        elif each.default is dataclasses.MISSING:
            return None
        elif each.init:
            values[each.name] = each.default
    return values


def _positional(fields: Sequence[Any]) -> Iterator[str]:
    return (each.name for each in fields if each.init and not each.kw_only)


def _take_over(cls: Any, names: Iterable[str], manner: Mapping[str, bool]) -> None:
    """Give a class methods as the standard library makes them; threads that come at once set the same."""
    fields = dataclasses.fields(cls)
    body = {each.name: each for each in fields} | {
        "__annotations__": {each.name: each.type for each in fields},
        "__doc__": cls.__doc__,
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
    }
    if hasattr(cls, "__post_init__"):
        body["__post_init__"] = cls.__post_init__
    made: type = dataclasses.dataclass(**manner)(type(cls.__name__, (), body))
    for name in names:
        setattr(cls, name, made.__dict__[name])


def _refuse_to_set(_self: object, name: str, _value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(_self: object, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
