"""LeRobot's ACT with random weights as a package: its cost is that of a trained one."""

import warnings
from pathlib import Path

import onnx

STATE, TARGET, ACTION = "observation.state", "observation.environment_state", "action"
JOINTS, POSE, CHUNK = 6, 7, 8


def act_graph(path: Path) -> int:
    """Write the graph of an ACT of the size that the flywheel trains, for any batch size.

    Args:
        path: ONNX file to write.

    Returns:
        Number of parameters.
    """
    import torch
    from lerobot.configs import FeatureType, PolicyFeature
    from lerobot.policies.act.configuration_act import ACTConfig
    from lerobot.policies.act.modeling_act import ACT

    class Chunk(torch.nn.Module):
        """State and target in, a chunk of actions out."""

        def __init__(self) -> None:
            super().__init__()
            config = ACTConfig(
                n_obs_steps=1,
                chunk_size=CHUNK,
                n_action_steps=CHUNK,
                dim_model=128,
                n_heads=4,
                dim_feedforward=512,
                n_encoder_layers=2,
                n_decoder_layers=1,
                use_vae=False,
                device="cpu",
                input_features={
                    STATE: PolicyFeature(type=FeatureType.STATE, shape=(JOINTS,)),
                    TARGET: PolicyFeature(type=FeatureType.ENV, shape=(POSE,)),
                },
                output_features={ACTION: PolicyFeature(type=FeatureType.ACTION, shape=(JOINTS,))},
            )
            self.act = ACT(config)

        def forward(self, state: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
            """Shapes (N, 6) and (N, 7) to (N, 8, 6)."""
            actions: torch.Tensor = self.act({STATE: state, TARGET: target})[0]
            return actions

    torch.manual_seed(0)
    module = Chunk().eval()
    batch = torch.export.Dim("batch", min=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own, about its insides
        program = torch.onnx.export(
            module,
            (torch.zeros(2, JOINTS), torch.zeros(2, POSE)),
            input_names=[STATE, TARGET],
            output_names=[ACTION],
            dynamic_shapes=({0: batch}, {0: batch}),
            opset_version=18,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    assert program is not None, "the exporter returns its program unless it is given a file"
    onnx.save(program.model_proto, path)
    return sum(parameter.numel() for parameter in module.parameters())
