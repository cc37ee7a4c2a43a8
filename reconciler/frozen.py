"""Frozen dataclasses whose methods are compiled when they are first called: of the many that a run loads it makes few.

The standard library compiles six functions for each class, which takes 0.8 ms.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

T = TypeVar("T")

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
    late = [name for name in _methods(options) if cls.__dict__.get(name) is None]
    for name in late:
        setattr(cls, name, _stand_in(cls, name, late, options))
    cls.__setattr__, cls.__delattr__ = _refuse_to_set, _refuse_to_delete
    return cls


def _methods(options: Mapping[str, bool]) -> Iterator[str]:
    yield "__init__"
    if options.get("repr", True):
        yield "__repr__"
    if options.get("eq", True):
        yield from ("__eq__", "__hash__")
    if options.get("order"):
        yield from ("__lt__", "__le__", "__gt__", "__ge__")


def _stand_in(cls: Any, name: str, late: Sequence[str], options: Mapping[str, bool]) -> Callable[..., Any]:
    def method(self: object, *args: Any, **kwargs: Any) -> Any:
        made = _compiled(cls, options)
        for each in late:  # whatever other threads do: each sets the same
            setattr(cls, each, made.__dict__[each])
        return getattr(cls, name)(self, *args, **kwargs)

    return method


def _compiled(cls: Any, options: Mapping[str, bool]) -> type:
    """A class of the same fields, as the standard library makes it."""
    fields = dataclasses.fields(cls)
    body = {each.name: each for each in fields} | {
        "__annotations__": {each.name: each.type for each in fields},
        "__doc__": cls.__doc__,
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
    }
    if hasattr(cls, "__post_init__"):
        body["__post_init__"] = cls.__post_init__
    return dataclasses.dataclass(**options)(type(cls.__name__, (), body))


def _refuse_to_set(_self: object, name: str, _value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(_self: object, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
