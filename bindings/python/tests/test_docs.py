"""Every block of Python in the documents runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "embedding-python.md").read_text(), re.S)
INDENTED = re.findall(r"((?:^    .*\n|^\n)+)", (ROOT / "README.md").read_text() + (Path(__file__).parents[1] / "README.md").read_text(), re.M)
SHORT = [block for block in INDENTED if "import nano_isolates" in block]


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_the_blocks_of_the_manual_run(block: str, nano_app: Any) -> None:
    names: dict[str, Any] = {"__name__": "manual"}
    exec(compile(block, "embedding-python.md", "exec"), names)
    for name, function in names.items():
        if name.startswith("test_"):
            function(nano_app)


@pytest.mark.parametrize("block", SHORT, ids=range(len(SHORT)))
def test_the_blocks_of_the_readmes_run(block: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line[4:] for line in block.splitlines() if not line.startswith("    pip install")]
    exec(compile("\n".join(lines), "README.md", "exec"), {})
    assert capsys.readouterr().out == "Hello from http://example.com/\n"


def test_there_are_blocks() -> None:
    assert len(BLOCKS) >= 12 and len(SHORT) == 2
