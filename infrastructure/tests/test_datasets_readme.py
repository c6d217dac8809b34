import re
from pathlib import Path

from physai.infrastructure.datasets import Dataset
from physai.infrastructure.settings import settings
from physai.infrastructure.tests.datasets_samples import JOINTS, columns, frames, source

README = Path(__file__).parents[1] / "README.md"


def test_the_example_in_the_readme_runs(tmp_path, monkeypatch):
    section = README.read_text().partition("\n## datasets\n")[2]
    example = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert example
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PHYSAI_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    values = columns(6)
    given = {"joints": JOINTS, "state": values["observation.state"], "action": values["action"], "source": source()}
    exec(example[1], {**given, "frames": frames(6, size=96)})
    settings.cache_clear()
    assert Dataset(tmp_path / "out/again").verify() == Dataset(tmp_path / "out/ds").verify()
