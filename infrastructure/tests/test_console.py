"""Tables that people read, and that other programs read line by line."""

import pytest
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from physai.infrastructure import console

DIGEST = "sha256:" + "0123456789abcdef" * 4


class Nothing(BaseModel):
    """A result that is only shown."""


def table() -> Table:
    """Two columns that need 2 * (71 + 2) + 3 = 149 characters of a line."""
    made = Table("digest", "again")
    made.add_row(DIGEST, DIGEST)
    return made


def test_digests_stay_in_one_piece_where_no_terminal_reads(capsys: pytest.CaptureFixture[str]) -> None:
    console.show(Nothing(), False, table())
    assert f"│ {DIGEST} │ {DIGEST} │" in capsys.readouterr().out


def test_sentences_wrap_in_a_log_and_the_digest_beside_them_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    made = Table("digest", "why")
    made.add_row(DIGEST, "no news " * 40)
    console.show(Nothing(), False, made)
    said = capsys.readouterr().out
    assert f"│ {DIGEST} │ no news" in said
    assert max(map(len, said.splitlines())) <= console.READABLE


def test_a_narrow_terminal_folds_long_words_and_cuts_nothing_off(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(console, "stdout", Console(width=80, force_terminal=True, color_system=None))
    console.show(Nothing(), False, table())
    said = capsys.readouterr().out
    assert "…" not in said
    assert max(map(len, said.splitlines())) <= 80
    pieces = [line.split("│")[1].strip() for line in said.splitlines() if line.startswith("│")]
    assert "".join(pieces) == DIGEST


def test_a_title_longer_than_its_table_stays_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    made = Table("a", title=f"/data/{DIGEST}/dataset: 3 episodes")
    console.show(Nothing(), False, made)
    assert capsys.readouterr().out.startswith(f"/data/{DIGEST}/dataset: 3 episodes\n┏")


def test_work_that_never_began_leaves_no_bar_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError), console.watched("merging"):
        raise KeyError
    assert capsys.readouterr().err == ""
