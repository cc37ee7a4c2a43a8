"""What the package offers is typed, loaded when it is used, and not in the way of the modules of the same names."""

import subprocess
import sys
from pathlib import Path

import pytest

import reconciler

ROOT = Path(reconciler.__file__).parent.parent
USE = Path(__file__).with_name("typed_use.py")


def run(*argv: str) -> str:
    done = subprocess.run([sys.executable, *argv], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_user_s_program_is_typed_strictly():
    cache = f"--cache-dir={ROOT / '.mypy_cache'}"
    run("-m", "mypy", "--strict", "--config-file=", cache, str(USE))


def test_a_user_s_program_does_what_it_says(repo: Path):
    assert run(str(USE), str(repo)) == "1 True\n2 True\n3 True\n"


def test_the_package_says_that_it_is_typed():
    assert (ROOT / "reconciler" / "py.typed").read_bytes() == b""


def test_nothing_is_loaded_before_it_is_used():
    loaded = run("-c", "import reconciler, sys; print(*(name for name in sys.modules if 'reconciler' in name))")
    assert loaded.split() == ["reconciler"]
    of_the_command = run("-c", "import reconciler.cli.main, sys; print('reconciler.api' in sys.modules)")
    assert of_the_command == "False\n"
    before = "import sys; before = set(sys.modules)"  # what measures coverage is there already, and loads sqlite3
    heavy = "{'reconciler.pipeline', 'reconciler.workspace', 'yaml', 'sqlite3'}"
    used = "import reconciler; reconciler.Client, reconciler.ModelError"
    assert run("-c", f"{before}; {used}; print({heavy} & (sys.modules.keys() - before))") == "set()\n"


@pytest.mark.parametrize("module", ["reconciler.apply", "reconciler.rollback", "reconciler.pipeline"])
def test_a_name_stays_what_users_call_whichever_module_is_imported_first(module: str):
    said = run("-c", f"import reconciler; from {module} import *; print(reconciler.apply, reconciler.rollback)")
    assert [word for word in said.split() if word in ("apply", "rollback")] == ["apply", "rollback"]


def test_what_is_not_offered_is_missing_as_of_any_module():
    with pytest.raises(AttributeError, match="has no attribute 'aply'"):
        reconciler.aply  # noqa: B018 - the look is the test
