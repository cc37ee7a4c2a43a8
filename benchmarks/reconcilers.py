"""The programs that plans are measured beside: how each is had, what it is to hold, and how it says that it does.

Where a program manages files, it is given as many as we have resources: the same texts, with a mode, all as they
should be. Each looks and changes nothing, on this machine and without colours; the settings are those in which it
takes the least, as its manual tells.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from applied import applied
from folders import DEPLOYMENT, DEPLOYMENTS
from installing import environment, run, unpacked, version_of
from measuring import MLOPS, Bench, Command
from parts import known_at_a_glance

AZURE = """\
import sys
from pathlib import Path
from azure.ai.ml import load_online_deployment
files = sorted(Path("manifests").glob("e*/d*.yml"))
assert all(load_online_deployment(source=file).name for file in files)
print(f"loaded {len(files)}")
"""
CFENGINE = """\
body common control {{ bundlesequence => {{ "main" }}; }}
body perms m(mode) {{ mode => "$(mode)"; rxdirs => "false"; }}
bundle agent main
{{
files:
{promises}
}}
"""
MODEL = """\
MODEL (
  name team_{endpoint}.model_{deployment},
  kind VIEW,
  owner team,
  cron '@daily',
  grain id
);

SELECT
  {deployment}::INT AS id,
  'x'::TEXT AS name,
  1.5::DOUBLE AS score
"""
MODELS = """\
gateways:
  local:
    connection: {type: duckdb, database: db.duckdb}
default_gateway: local
model_defaults: {dialect: duckdb}
"""
# The last versions that this Python has, so that two runs of the benchmark measure the same.
PINNED = {
    "ansible-core": "2.19.14",
    "salt": "3008.4",
    "pyinfra": "3.10.0",
    "sqlmesh": "0.236.4",
    "azure-ai-ml": "1.35.2",
}
QUIET = {"NO_COLOR": "1", "DO_NOT_TRACK": "1", "SQLMESH__DISABLE_ANONYMIZED_ANALYTICS": "1", "COLUMNS": "200"}


@dataclass(frozen=True, eq=False)
class Reconciler:
    """A program that says whether all is as it should be.

    Args:
        name: in the table.
        version: of what is measured; asked for after `programs`.
        each: what one of its resources is.
        programs: gets it; its folder.
        made: a folder with so many of its resources, all as they should be.
        look: how it is asked, of its programs and that folder.
        spoiled: has one of them not be so, after which the answer has to be another; None where nothing is compared.
        compares: whether it holds what is wanted against what is there.
    """

    name: str
    version: Callable[[], str]
    each: str
    programs: Callable[[], Path]
    made: Callable[[Bench, Path, int], Path]
    look: Callable[[Path, Path, int], Command]
    spoiled: Callable[[Path], object] | None
    compares: bool = True


def _pinned(name: str) -> Path:
    return environment(name, [f"{name}=={PINNED[name]}"])


def files(folder: Path, size: int) -> Iterator[tuple[str, str]]:
    """So many files, as they should be, by their whole name."""
    for number in range(size):
        endpoint, deployment = divmod(number, DEPLOYMENTS)
        file = folder / "out" / f"e{endpoint}" / f"d{deployment}.yml"
        file.parent.mkdir(parents=True, exist_ok=True)
        text = DEPLOYMENT.format(endpoint=endpoint, deployment=deployment)
        file.write_text(text)
        file.chmod(0o644)
        yield str(file), text


def _ours(bench: Bench, _folder: Path, size: int) -> Path:
    """Applied, and looked at, as others look at all that they bring to what it should be."""
    folder = applied(bench, str(size), size)
    bench.run(Command((MLOPS, "plan"), folder, "No changes."))
    known_at_a_glance(bench, folder)
    return folder


def _lost_live(folder: Path) -> None:
    file = folder / "live.json"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[1:]))


def _lost_file(folder: Path) -> None:
    (folder / "out" / "e0" / "d0.yml").unlink()


def _cfengine(bench: Bench, folder: Path, size: int) -> Path:
    promise = '  "{name}" create => "true", perms => m("644"), content => "{text}";'
    found = (promise.format(name=name, text=text.replace('"', '\\"')) for name, text in files(folder, size))
    policy = folder / "policy.cf"
    policy.write_text(CFENGINE.format(promises="\n".join(found)))
    policy.chmod(0o600)
    work = folder / "work"
    for name in ("bin", "inputs", "outputs", "ppkeys", "state"):
        (work / name).mkdir(parents=True, mode=0o700)
    for program in (unpacked("cfengine3") / "usr" / "bin").glob("cf-*"):
        (work / "bin" / program.name).symlink_to(program)
    bench.run(Command(("work/bin/cf-key",), folder, environ=_cf_environ(unpacked("cfengine3"), folder)))
    return folder


def _cf_environ(root: Path, folder: Path) -> Mapping[str, str]:
    libraries = (root / "usr" / "lib", root / "usr/lib/x86_64-linux-gnu", root / "lib/x86_64-linux-gnu")
    return {
        "LD_LIBRARY_PATH": ":".join(map(str, libraries)),
        "CFENGINE_TEST_OVERRIDE_WORKDIR": str(folder / "work"),
        "HOME": str(folder),
    }


def _cf_look(root: Path, folder: Path, _size: int) -> Command:
    # Its locks, which it takes of each promise, cost it several times as much; a look needs none.
    argv = ("work/bin/cf-agent", "--no-lock", "--dry-run", "--inform", "--file", str(folder / "policy.cf"))
    return Command(argv, folder, environ=_cf_environ(root, folder), refuse=r"\S")


def _puppet(_bench: Bench, folder: Path, size: int) -> Path:
    resource = "file {{ '{name}': mode => '0644', content => '{text}' }}\n"
    found = (resource.format(name=name, text=text.replace("'", "\\'")) for name, text in files(folder, size))
    (folder / "site.pp").write_text("".join(found))
    return folder


def _puppet_look(root: Path, folder: Path, _size: int) -> Command:
    ruby, machine = root / "usr/lib/ruby", root / "usr/lib/x86_64-linux-gnu"
    library = (ruby / "vendor_ruby", ruby / "3.1.0", machine / "ruby/3.1.0", machine / "ruby/vendor_ruby/3.1.0")
    gems = root / "usr/share/rubygems-integration"
    environ = {
        "LD_LIBRARY_PATH": str(machine),
        "RUBYLIB": ":".join(map(str, (*library, ruby / "vendor_ruby/3.1.0"))),
        "GEM_PATH": f"{gems / 'all'}:{gems / '3.1.0'}",
        "HOME": str(folder),
    }
    places = ("confdir", "vardir", "publicdir", "ssldir", "rundir", "logdir")
    settings = [word for name in places for word in (f"--{name}", str(folder / name))]
    puppet = (str(root / "usr/bin/ruby3.1"), str(root / "usr/bin/puppet"), "apply", "--noop", "--color=false")
    argv = (*puppet, *settings, "site.pp")
    return Command(argv, folder, "Applied catalog", environ=environ, refuse="noop|Would have")


def _ansible(_bench: Bench, folder: Path, size: int) -> Path:
    # JSON is YAML, and is read the faster.
    found = [{"path": name, "content": text} for name, text in files(folder, size)]
    copy = {"dest": "{{ item.path }}", "content": "{{ item.content }}", "mode": "0644"}
    task = {"ansible.builtin.copy": copy, "loop": "{{ files }}", "loop_control": {"label": "{{ item.path }}"}}
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False}
    (folder / "site.json").write_text(json.dumps([{**play, "vars": {"files": found}, "tasks": [task]}]))
    return folder


def _ansible_look(programs: Path, folder: Path, _size: int) -> Command:
    environ = {
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LOCALHOST_WARNING": "False",
        "ANSIBLE_PYTHON_INTERPRETER": str(programs / "python"),
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
    }
    argv = (str(programs / "ansible-playbook"), "--inventory", "localhost,", "--check", "site.json")
    return Command(argv, folder, "changed=0    unreachable=0    failed=0", environ=environ)


def _salt(_bench: Bench, folder: Path, size: int) -> Path:
    found = {name: {"file.managed": [{"contents": text}, {"mode": "0644"}]} for name, text in files(folder, size)}
    for name in ("states", "conf"):
        (folder / name).mkdir()
    (folder / "states" / "many.sls").write_text(json.dumps(found))
    roots = {"root_dir": str(folder / "root"), "file_roots": {"base": [str(folder / "states")]}}
    (folder / "conf" / "minion").write_text(json.dumps({"file_client": "local", "id": "bench", **roots}))
    return folder


def _salt_look(programs: Path, folder: Path, size: int) -> Command:
    quiet = ("--skip-grains", "--no-color", "--state-verbose=False")
    argv = (str(programs / "salt-call"), "--local", "--config-dir", "conf", *quiet, "state.apply", "many", "test=True")
    return Command(argv, folder, f"Succeeded: {size}\n", environ={"HOME": str(folder)}, refuse="changed=")


def _pyinfra(_bench: Bench, folder: Path, size: int) -> Path:
    lines = [f"files.put(src=StringIO({text!r}), dest={name!r}, mode='644')\n" for name, text in files(folder, size)]
    (folder / "deploy.py").write_text(
        "".join(["from io import StringIO\nfrom pyinfra.operations import files\n", *lines])
    )
    return folder


def _pyinfra_look(programs: Path, folder: Path, _size: int) -> Command:
    argv = (str(programs / "pyinfra"), "--dry", "@local", "deploy.py")
    environ = {**QUIET, "HOME": str(folder)}
    return Command(argv, folder, "Detected changes", environ=environ, refuse=r"mode=644\)\s+\d")


def _sqlmesh(bench: Bench, folder: Path, size: int) -> Path:
    (folder / "models").mkdir()
    (folder / "config.yaml").write_text(MODELS)
    for number in range(size):
        endpoint, deployment = divmod(number, DEPLOYMENTS)
        (folder / "models" / f"m{number}.sql").write_text(MODEL.format(endpoint=endpoint, deployment=deployment))
    look = _sqlmesh_look(_pinned("sqlmesh"), folder, size)
    bench.run(Command((*look.argv, "--auto-apply"), folder, environ=look.environ))
    return folder


def _sqlmesh_look(programs: Path, folder: Path, _size: int) -> Command:
    argv = (str(programs / "sqlmesh"), "plan", "--no-prompts")
    return Command(argv, folder, "No changes to plan", environ={**QUIET, "HOME": str(folder)})


def _other_model(folder: Path) -> None:
    file = folder / "models" / "m0.sql"
    file.write_text(file.read_text().replace("1.5", "2.5"))


OURS = Reconciler(
    "mlops",
    lambda: run(MLOPS, "--version").split()[-1],
    "resource of Azure ML's schemas, 15 lines, in a file of its own",
    lambda: Path(MLOPS),
    _ours,
    lambda _programs, folder, _size: Command((MLOPS, "plan"), folder, "No changes."),
    _lost_live,
)
PEERS = (
    Reconciler(
        "mlops, looking",
        OURS.version,
        "the same, not known at a glance: `--verbose`",
        OURS.programs,
        _ours,
        lambda _programs, folder, _size: Command((MLOPS, "plan", "--verbose"), folder, "No changes."),
        _lost_live,
        compares=False,  # with itself
    ),
    Reconciler(
        "git status",
        lambda: run("git", "--version").split()[2],
        "the same file, committed",
        lambda: Path("git"),
        _ours,
        lambda _programs, folder, _size: Command(("git", "status"), folder, "working tree clean"),
        lambda folder: (folder / "manifests" / "e0" / "d0.yml").unlink(),
        compares=False,
    ),
    Reconciler(
        "cfengine3",
        lambda: version_of("cfengine3"),
        "file with content and mode, promised",
        lambda: unpacked("cfengine3"),
        _cfengine,
        _cf_look,
        _lost_file,
    ),
    Reconciler(
        "puppet-agent",
        lambda: version_of("puppet-agent"),
        "`file` with content and mode, of `puppet apply --noop`",
        lambda: unpacked("puppet-agent"),
        _puppet,
        _puppet_look,
        _lost_file,
    ),
    Reconciler(
        "ansible-core",
        lambda: PINNED["ansible-core"],
        "`copy` with content and mode, of a loop, `--check`, connection local, no facts, pipelining",
        lambda: _pinned("ansible-core"),
        _ansible,
        _ansible_look,
        _lost_file,
    ),
    Reconciler(
        "salt",
        lambda: PINNED["salt"],
        "`file.managed` with contents and mode, of `salt-call --local`, no grains, `test=True`",
        lambda: _pinned("salt"),
        _salt,
        _salt_look,
        _lost_file,
    ),
    Reconciler(
        "pyinfra",
        lambda: PINNED["pyinfra"],
        "`files.put` with content and mode, of `@local`, `--dry`",
        lambda: _pinned("pyinfra"),
        _pyinfra,
        _pyinfra_look,
        _lost_file,
    ),
    Reconciler(
        "sqlmesh",
        lambda: PINNED["sqlmesh"],
        "model of three columns, a view in DuckDB, 13 lines, in a file of its own",
        lambda: _pinned("sqlmesh"),
        _sqlmesh,
        _sqlmesh_look,
        _other_model,
    ),
    Reconciler(
        "azure-ai-ml",
        lambda: PINNED["azure-ai-ml"],
        "the same file, if of a deployment, loaded by `load_online_deployment` and compared with nothing",
        lambda: _pinned("azure-ai-ml"),
        _ours,
        lambda programs, folder, _size: Command((str(programs / "python"), "-c", AZURE), folder, "loaded "),
        None,
        compares=False,
    ),
)
# What this machine's package registries do not have.
NOT_TO_BE_HAD = dict.fromkeys(("kapp", "terraform"), "in no package of Debian or PyPI, so not measured here")
