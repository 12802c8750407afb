"""The description of the API, and what schemathesis finds when it asks for all that this allows, and for more."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.counts import scaled
from tests.scenario.send_api.programs import SendingProgram

pytestmark = [pytest.mark.databases("sqlite"), pytest.mark.asyncio(loop_scope="package")]

PHASES = scaled(quick="examples", full="examples,coverage,fuzzing")
"""Every day what the description shows as examples; what it generates takes minutes."""
EXAMPLES = scaled(quick=1, full=1_000)
CONFIGURATION = """
[checks.positive_data_acceptance]
# What a provider refuses (422) is as it has to be all the same.
expected-statuses = ["2xx", "401", "403", "404", "409", "413", "422", "429"]
"""


async def judged(program: SendingProgram, folder: Path) -> tuple[int | None, str]:
    """Let schemathesis judge the running API; return its exit code, and what it says."""
    configuration = folder / "schemathesis.toml"
    configuration.write_text(CONFIGURATION, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"),
        *("--config-file", str(configuration), "run", f"{program.demo.bot_url}/v1/openapi.json"),
        *("--header", f"Authorization: Bearer {program.token}", "--checks", "all", "--no-color"),
        *("--phases", PHASES, "--max-examples", str(EXAMPLES), "--seed", "4711"),
        *("--generation-database", "none"),
        cwd=folder,
        env={
            **os.environ,
            "SCHEMATHESIS_HOOKS": "tests.scenario.send_api.schemathesis_hooks",
            "PYTHONPATH": str(Path.cwd()),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def test_schemathesis_finds_nothing_that_the_description_does_not_say(
    program: SendingProgram, tmp_path: Path
) -> None:
    code, said = await judged(program, tmp_path)
    assert code == 0, said
    assert program.letters


async def test_the_description_is_the_same_for_everybody_and_names_every_route(program: SendingProgram) -> None:
    answer = await program.ask("GET", "/v1/openapi.json", token="")
    assert answer.members["openapi"] == "3.1.0"
    assert set(answer.members["paths"]) == {"/v1/send", "/v1/profile", "/v1/openapi.json"}
    statuses = set(answer.members["paths"]["/v1/send"]["post"]["responses"])
    assert statuses == {"200", "400", "401", "403", "409", "413", "415", "422", "429", "500", "502", "503", "504"}
