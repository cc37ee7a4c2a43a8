"""What is made when it is first used: regular expressions, and what a package offers of its modules."""

TYPE_CHECKING = False  # `typing` would take as long to load as all else of a plan that is known at a glance

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Mapping
    from typing import Any

    pattern = re.compile
else:

    class pattern:  # noqa: N801 - to type checkers it is the standard library's function
        """An expression that is compiled when it is first asked something: of those that a run loads it asks few."""

        def __init__(self, expression: str | bytes, flags: int = 0) -> None:
            self._expression, self._flags = expression, flags

        def __getattr__(self, name: str) -> "Any":
            import re  # noqa: PLC0415 - where nothing is asked nobody needs it

            found = getattr(re.compile(self._expression, self._flags), name)
            setattr(self, name, found)
            return found


def offered(package: str, places: "Mapping[str, str]") -> "Callable[[str], Any]":
    """The `__getattr__` of a package that loads a module once something of it is asked for.

    Args:
        package: its name.
        places: by name in which of its modules each is.
    """

    def find(name: str) -> "Any":
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415 - as above

        return getattr(import_module(f"{package}.{places[name]}"), name)

    return find
