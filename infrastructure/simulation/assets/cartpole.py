"""The cartpole of Isaac Lab's classic tasks: a cart on a rail, a pole hinged on it.

Names, joints and sizes follow what `isaaclab_assets.robots.cartpole` drives: `slider_to_cart`, `cart_to_pole`.
"""

from pathlib import Path

from .articulation import author_robot
from .links import Joint, Link, Look, Vector


def box_inertia(mass_kg: float, size_m: Vector) -> Vector:
    """Diagonal inertia of a solid box about its centre."""
    x, y, z = (edge**2 for edge in size_m)
    return (mass_kg * (y + z) / 12, mass_kg * (x + z) / 12, mass_kg * (x + y) / 12)


def links() -> tuple[Link, ...]:
    """Rail, cart and pole; the pole's frame is at its hinge."""
    rail, cart, pole = (0.03, 8.0, 0.03), (0.2, 0.25, 0.2), (0.04, 0.06, 1.0)
    return (
        Link("slider", 1.0, box_inertia(1.0, rail), looks=(Look("box", (0, 0, 0), (0.3, 0.3, 0.32), size_m=rail),)),
        Link(
            "cart",
            1.0,
            box_inertia(1.0, cart),
            looks=(Look("box", (0, 0, 0), (0.16, 0.42, 0.68), size_m=cart),),
            joint=Joint("slider_to_cart", "prismatic", "slider", axis="Y", lower=-4.0, upper=4.0),
        ),
        Link(
            "pole",
            0.25,
            box_inertia(0.25, pole),
            (0, 0, 0.5),
            looks=(Look("box", (0, 0, 0.5), (0.8, 0.45, 0.1), size_m=pole),),
            joint=Joint("cart_to_pole", "revolute", "cart", (0.12, 0, 0), axis="X"),
        ),
    )


def author(path: Path) -> None:
    """Write the cartpole at `/cartpole`."""
    author_robot(path, "cartpole", links())
