"""Where the time of one `/email-profile` goes, room by room, in the program as it serves.

Samples of the running program, so that nothing of its inside is named here but folders; what they cost the program is a
part of what is measured, which is why only shares are taken from them.
"""

import asyncio
import json
import signal
import tempfile
from pathlib import Path

from tests.benchmarks.client import ask_for, signed
from tests.benchmarks.commands import Work, card_of, fields_of, store_a_profile
from tests.benchmarks.figures import RUNS, Figure, MachineLoad, print_table
from tests.benchmarks.program import free_port, process, processor_seconds, until_ready, workspace_for
from tests.scenario.people import ADA

SECONDS = 4.0
AT_ONCE = 4


async def run(runs: int = RUNS) -> None:
    """Measure and print, what takes most first."""
    load = MachineLoad()
    results = [await _measured() for _ in range(runs)]
    everything = Figure([sum(result.values()) for result in results])
    named = sorted({room for result in results for room in result})
    rooms = {room: Figure([result.get(room, 0.0) for result in results]) for room in named}
    rows = [
        [room, figure.text(0, " µs"), f"{figure.median / everything.median:.0%}"]
        for room, figure in sorted(rooms.items(), key=lambda one: -one[1].median)
    ]
    rows.append(["all of it", everything.text(0, " µs"), "100%"])
    print_table(["of one `/email-profile`", "processor", "share"], rows, runs=runs, load=load)


async def _measured() -> dict[str, float]:
    """Return the microseconds of processor that one command takes in each room."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        counts = folder / "samples.json"
        async with workspace_for(folder) as (workspace, given):
            settings = {**given, "PORT": str(port), "LOG_LEVEL": "info"}
            sampled = ("-m", "tests.benchmarks.sampled", str(counts), "run")
            async with process(*sampled, folder=folder, given=settings) as started:
                await until_ready(f"http://127.0.0.1:{port}")
                await store_a_profile(given)
                request = signed(workspace.signing_secret, fields_of(ADA))
                answer = await card_of(port, request)
                await ask_for(SECONDS / 4, port, [request], at_once=AT_ONCE)
                started.send_signal(signal.SIGUSR1)
                before = processor_seconds(started.pid)
                answers = await ask_for(SECONDS, port, [request], at_once=AT_ONCE)
                Work(request=request, forged=b"", answer=answer).require_answered(answers)
                each = (processor_seconds(started.pid) - before) / len(answers.seconds) * 1e6
        samples: dict[str, int] = json.loads(await asyncio.to_thread(counts.read_text, encoding="utf-8"))
    return {room: each * count / sum(samples.values()) for room, count in samples.items()}
