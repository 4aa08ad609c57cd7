"""What `forewarn-gateway` says before anything is set up."""

import subprocess
import sys

import pytest

WITHOUT = """
import sys
sys.modules["{module}"] = None
from gateway.command import main
main()
"""


@pytest.mark.parametrize("module", ["nats", "uvloop", "aiohttp", "prometheus_client"])
def test_a_package_that_is_not_installed_is_named_with_its_extra(module: str) -> None:
    said = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(module=module), "--help"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert said.returncode == 1
    assert said.stderr == f"{module} is not installed: pip install 'forewarn[gateway]'\n"
