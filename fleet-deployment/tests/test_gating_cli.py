"""What the command that serves a gate refuses before it speaks with anyone."""

from pathlib import Path

import pytest

from physai.fleet_deployment.errors import CertificateError, OpenAddressError
from physai.fleet_deployment.gating.cli import serve


def test_a_gate_beyond_this_machine_wants_https() -> None:
    with pytest.raises(OpenAddressError, match=r"0\.0\.0\.0: tokens would cross the network in clear"):
        serve("robot-1", host="0.0.0.0")


def test_a_certificate_without_its_key_or_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no certificate")
    with pytest.raises(CertificateError, match="one of the two is missing"):
        serve("robot-1", key=tmp_path / "key.pem")
    with pytest.raises(CertificateError, match=r"cannot be used \(No such file"):
        serve("robot-1", certificate=tmp_path / "cert.pem", key=tmp_path / "key.pem")
    with pytest.raises(CertificateError, match=r"notes\.txt: cannot be used"):
        serve("robot-1", certificate=tmp_path / "notes.txt", key=tmp_path / "notes.txt")
