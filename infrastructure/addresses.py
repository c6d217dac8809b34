"""Network addresses."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address; of any name but `localhost` that is not known."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
