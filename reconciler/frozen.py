"""Frozen dataclasses whose methods are compiled when they are first called: of the many that a run loads it makes few.

The standard library compiles six functions for each class, which takes 0.8 ms.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

T = TypeVar("T")

_ORDER = ("__lt__", "__le__", "__gt__", "__ge__")
# Compiling an `__init__` costs as much as a hundred calls of the one that does without.
_FEW = 30

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - type checkers know it by this name
else:

    def dataclass(cls: type[T] | None = None, /, **options: bool) -> Callable[[type[T]], type[T]] | type[T]:
        """As the standard library's, which makes what is not frozen, or has slots."""
        if not options.get("frozen") or "slots" in options:
            return dataclasses.dataclass(cls, **options)
        return lambda cls: _frozen(cls, options)


def _frozen(cls: Any, options: Mapping[str, bool]) -> Any:
    """A class that knows its fields, with stand-ins for the methods that would have to be compiled."""
    if any(map(dataclasses.is_dataclass, cls.__bases__)):  # a few, and those take over what their bases have
        return dataclasses.dataclass(**options)(cls)
    dataclasses.dataclass(init=False, repr=False, eq=False)(cls)
    cls.__dataclass_params__.frozen = True  # else no frozen class may be derived from it
    if "__init__" not in cls.__dict__:
        cls.__init__ = _filling(cls)
    for names, manner in _methods(options):
        late = [name for name in names if cls.__dict__.get(name) is None]
        for name in late:
            setattr(cls, name, _stand_in(cls, name, late, manner))
    cls.__setattr__, cls.__delattr__ = _refuse_to_set, _refuse_to_delete
    return cls


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
    fields = dataclasses.fields(cls)

    def method(self: Any, *args: Any, **kwargs: Any) -> None:
        values = _filled(fields, args, kwargs) if left else None
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
    names = [each.name for each in fields if each.init and not each.kw_only]
    given = {**dict(zip(names, args, strict=False)), **kwargs}
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
