"""The table at the end of a soak: sums of what was counted, and the worst of what is called so."""

from __future__ import annotations

from tests.helpers.figures import total


def test_figures_are_sums_but_those_that_are_extremes_by_name() -> None:
    counted = [
        ("inputs", 2),
        ("worst append, s", 0.5),
        ("inputs", 3),
        ("worst append, s", 0.2),
        ("least recall, %", 99),
    ]

    assert total([*counted, ("least recall, %", 98)]) == {
        "inputs": 5,
        "worst append, s": 0.5,
        "least recall, %": 98,
    }
