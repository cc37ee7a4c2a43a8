"""The images that the tests themselves stand on."""

from docker import APIClient

def test_there(engine_host, base_image, serving_image, envoy_image, project):
    print(engine_host, base_image, serving_image, envoy_image, project)
    assert APIClient(engine_host).inspect_image(envoy_image)
