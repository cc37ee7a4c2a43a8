"""What an MLflow model's own files say of where it is and what it needs."""

import pytest

from reconciler.errors import ProviderError
from reconciler.providers.hosting.mlflow_models import environment_of, model_folder


def written(folder, **files):
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def test_the_description_may_lie_in_the_one_folder_of_the_content(tmp_path):
    nested = written(tmp_path / "model", MLmodel="")
    assert model_folder(tmp_path) == model_folder(nested) == nested


def test_content_without_a_description_or_with_two_is_refused(tmp_path):
    with pytest.raises(ProviderError, match="has none"):
        model_folder(tmp_path)
    for name in ("a", "b"):
        written(tmp_path / name, MLmodel="")
    with pytest.raises(ProviderError, match="has 2 folders with one"):
        model_folder(tmp_path)


@pytest.mark.parametrize("env", ["conda.yaml", "{conda: conda.yaml, virtualenv: python_env.yaml}"])
def test_the_conda_file_decides(tmp_path, env):
    description = f"flavors: {{python_function: {{env: {env}}}}}"
    folder = written(tmp_path, MLmodel=description, conda__yaml="dependencies: [python=3.12, {pip: [mlflow]}]")
    assert environment_of(folder) == {"conda_file": {"dependencies": ["python=3.12", {"pip": ["mlflow"]}]}}


def test_a_virtual_environment_is_read_with_the_requirements_that_it_names(tmp_path):
    folder = written(
        tmp_path,
        MLmodel="flavors: {python_function: {env: {virtualenv: python_env.yaml}}}",
        python_env__yaml="python: 3.12.4\nbuild_dependencies: [pip]\ndependencies: [-r requirements.txt, joblib]",
        requirements__txt="mlflow==3.1.0\n\nnumpy<3  # why\n",
    )
    assert environment_of(folder)["conda_file"]["dependencies"] == [
        "python=3.12.4",
        {"pip": ["mlflow==3.1.0", "numpy<3  # why", "joblib"]},
    ]


def test_requirements_alone_go_with_the_python_that_logged_the_model(tmp_path):
    folder = written(
        tmp_path, MLmodel="flavors: {python_function: {python_version: 3.12.4}}", requirements__txt="mlflow\n"
    )
    assert environment_of(folder)["conda_file"]["dependencies"] == ["python=3.12.4", {"pip": ["mlflow"]}]
