"""systemd units of a robot without Kubernetes: the recorder, and the transfer on a timer."""

from .edge import Edge

FOLDER = "/var/lib/physai"
_GUARDS = """User=physai
StateDirectory=physai
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
NoNewPrivileges=yes"""


def units(edge: Edge, program: str) -> dict[str, str]:
    """File name → content.

    Args:
        edge: Where recordings go.
        program: Absolute path of `physai`.
    """
    record = f"{program} data-pipeline capture record --config /etc/physai/recording-config.yaml --output {FOLDER}/raw"
    send = f"{program} data-pipeline transfer run {FOLDER} --target {edge.target} --keep-h 24"
    return {
        "physai-recorder.service": f"""[Unit]
Description=Record the robot's episodes
Wants=network-online.target
After=network-online.target

[Service]
ExecStart={record}
Restart=on-failure
RestartSec=2
KillSignal=SIGINT
{_GUARDS}

[Install]
WantedBy=multi-user.target
""",
        "physai-transfer.service": f"""[Unit]
Description=Bring recordings into the cloud

[Service]
Type=oneshot
ExecStart={send}
EnvironmentFile=-/etc/physai/transfer.env
Nice=10
{_GUARDS}
""",
        "physai-transfer.timer": """[Unit]
Description=Bring recordings into the cloud every five minutes

[Timer]
OnBootSec=1min
OnUnitInactiveSec=5min

[Install]
WantedBy=timers.target
""",
    }
