import pytest
from hypothesis import given
from hypothesis import strategies as st

from physai.infrastructure.jobs.quantity import duration_s, exit_codes, size_bytes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("16Gi", 16 * 2**30),
        ("16G", 16 * 2**30),  # OSMO reads G as Gi
        ("1.5GiB", 3 * 2**29),
        ("500Mi", 500 * 2**20),
        ("4Ki", 4096),
        ("2Ti", 2 * 2**40),
        ("123", 123),
        ("7B", 7),
    ],
)
def test_sizes_are_read_as_osmo_reads_them(text: str, expected: int) -> None:
    assert size_bytes(text) == expected


@pytest.mark.parametrize("text", ["", "Gi", "16gi", "16 Gi", "-1Gi", "1.Gi", "16Gb", "٣Gi "])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no size"):
        size_bytes(text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("90m", 5400),
        ("2h", 7200),
        ("1d", 86400),
        ("30s", 30),
        ("250ms", 0.25),
        (45, 45),
        ("PT1H30M", 5400),
        ("P1D", 86400),
    ],
)
def test_durations_are_in_seconds(value: object, expected: float) -> None:
    assert duration_s(value) == expected


@pytest.mark.parametrize("value", ["10h5m", "h", "5", "-5s", "1.5h", "P", "PT", True, None, [1]])
def test_what_is_no_duration_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="no duration"):
        duration_s(value)


def test_exit_codes_are_single_numbers_and_ranges_with_both_ends() -> None:
    codes = [code for part in exit_codes("0,10-12,20") for code in part]
    assert codes == [0, 10, 11, 12, 20]


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "1,,2", "1 2", "5-3", "1-99999"])
def test_what_is_no_list_of_exit_codes_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="exit codes"):
        exit_codes(text)


@given(st.integers(0, 4000), st.integers(0, 4000))
def test_a_range_of_exit_codes_holds_what_lies_between(first: int, last: int) -> None:
    low, high = sorted((first, last))
    (codes,) = exit_codes(f"{low}-{high}")
    assert (codes[0], codes[-1], len(codes)) == (low, high, high - low + 1)
