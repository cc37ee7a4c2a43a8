"""A conda file becomes requirements."""

import pytest

from reconciler.errors import ProviderError
from reconciler.providers.hosting.conda import flaws, translate


@pytest.mark.parametrize(
    ("entry", "requirement"),
    [
        ("numpy", "numpy"),
        ("numpy=2.3.1", "numpy==2.3.1"),
        ("numpy=2.3", "numpy==2.3.*"),
        ("numpy=2", "numpy==2.*"),
        ("numpy=2.3.*", "numpy==2.3.*"),
        ("numpy==2.3.1", "numpy==2.3.1"),
        ("numpy==2.3", "numpy==2.3"),
        ("numpy>=1.26", "numpy>=1.26"),
        ("numpy >=1.26, <3", "numpy>=1.26,<3"),
        ("numpy>=1.26.*", "numpy>=1.26"),
        ("numpy!=1.26.*", "numpy!=1.26.*"),
        ("numpy~=1.26", "numpy~=1.26"),
        ("numpy=1.2=py39_0", "numpy==1.2.*"),
        ("numpy==1.2.3=py39_0", "numpy==1.2.3"),
        ("numpy 1.2.3 py39_0", "numpy==1.2.3"),
        ("numpy *", "numpy"),
        ("conda-forge::numpy=2.3.1", "numpy==2.3.1"),
        ("conda-forge/linux-64::numpy", "numpy"),
        ("scikit-learn=1.7.0", "scikit-learn==1.7.0"),
        ("Scikit-Learn=1.7.0", "scikit-learn==1.7.0"),
        ("pytorch=2.1.0", "torch==2.1.0"),
        ("py-opencv", "opencv-python-headless"),
        ("xgboost=2.0.0rc1", "xgboost==2.0.0rc1"),
    ],
)
def test_a_conda_package_is_taken_from_pypi(entry, requirement):
    assert translate({"dependencies": [entry]}).lines == (requirement,)


@pytest.mark.parametrize(
    "entry",
    ["pip=25.1.1", "libgcc-ng=11.2.0=h1d223b6_12", "_openmp_mutex", "cudatoolkit=11.3", "pytorch-cuda=11.8", "openssl"],
)
def test_what_is_no_python_package_is_left_out(entry):
    assert translate({"dependencies": [entry]}).lines == ()


@pytest.mark.parametrize(
    ("entry", "clauses"),
    [
        ("python=3.12", ("==3.12.*",)),
        ("python=3.7.11", ("==3.7.11",)),
        ("python>=3.9,<3.12", (">=3.9", "<3.12")),
        ("python", ()),
    ],
)
def test_python_is_no_requirement_but_a_choice(entry, clauses):
    found = translate({"dependencies": [entry]})
    assert (found.lines, found.python) == ((), clauses)


def test_the_pip_part_is_taken_as_it_is():
    lines = ["--extra-index-url https://example.org/simple", "inference-schema[numpy-support]", "joblib==1.5.1  # why"]
    assert translate({"dependencies": ["pip", {"pip": lines}]}).lines == tuple(lines)


@pytest.mark.parametrize("line", ["-r requirements.txt", "-e .", "./wheels/own.whl", "--requirement=r.txt", "-c c.txt"])
def test_a_pip_line_that_names_a_file_is_refused(line):
    with pytest.raises(ProviderError, match="names a file"):
        translate({"dependencies": [{"pip": [line]}]})


@pytest.mark.parametrize("entry", ["numpy=1.2|2.0", "numpy[version='>=1']", "=1.2", {"npm": ["left-pad"]}])
def test_what_pip_cannot_be_told_is_refused_with_advice(entry):
    with pytest.raises(ProviderError, match="write it as NAME=VERSION"):
        translate({"dependencies": [entry]})


def test_the_notes_are_a_line_for_what_is_taken_and_one_for_what_is_left_out():
    conda = {"dependencies": ["python=3.12", "numpy=2.3.1", "pytorch", "libgcc-ng", "pip", {"pip": ["joblib"]}]}
    assert translate(conda).notes == (
        "2 conda packages are taken from PyPI: numpy=2.3.1, pytorch (as torch)",
        "conda package is left out, PyPI has no such thing: libgcc-ng",
    )


@pytest.mark.parametrize("conda", [{}, {"dependencies": None}, {"name": "x", "dependencies": []}])
def test_a_conda_file_of_nothing_asks_for_nothing(conda):
    assert translate(conda).lines == ()


def test_every_entry_that_pip_cannot_be_told_is_listed():
    conda = {"dependencies": ["numpy=1.2|2.0", "pandas", {"npm": ["x"]}, {"pip": ["-e ."]}]}
    assert [flaw.split(" ")[2] for flaw in flaws(conda)] == ["'numpy=1.2|2.0'", "\"{'npm':", "pip"]
    assert list(flaws({"dependencies": ["pandas"]})) == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("mlflow", True),
        ("MLflow_Skinny[gateway]>=2 ; python_version > '3.8'", True),
        ("mlflow @ https://example.org/mlflow.whl", True),
        ("git+https://example.org/own.git", True),
        ("mlflow-export-import", False),
        ("--pre", False),
        ("# mlflow", False),
    ],
)
def test_a_package_is_known_by_name_and_may_come_from_a_place_that_is_named(line, expected):
    assert translate({"dependencies": [{"pip": [line]}]}).may_have("mlflow", "mlflow-skinny") is expected
