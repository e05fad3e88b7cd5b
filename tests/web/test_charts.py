"""Charts: that their shapes are as high as their figures, and that they say in words what they show."""

from __future__ import annotations

import re
from datetime import date, timedelta

from sessiondb.web.charts import Bar, calendar, stacked


def test_bars_are_as_high_as_their_figures() -> None:
    svg = stacked("Cost", [Bar("Mon", (1, 3), "Mon: 4"), Bar("Tue", (2,), "Tue: 2")], ("a", "b"), "$4")

    heights = [float(height) for height in re.findall(r'class="s\d" [^>]*height="([\d.]+)"', svg)]
    assert heights == [40, 120, 80]
    assert "<title>Tue: 2</title>" in svg
    assert "2 bars from Mon to Tue, the tallest $4." in svg


def test_names_in_a_chart_are_text() -> None:
    svg = stacked("<b>", [Bar("<x>", (1,), "<y>")], ("<s>", "t"), "<most>")

    assert not re.search(r"<(b|x|y|s|most)>", svg)


def test_nothing_is_drawn_of_nothing() -> None:
    assert stacked("Cost", [], (), "") == ""


def test_a_year_has_a_square_for_each_day() -> None:
    last = date(2026, 11, 28)
    days = {
        last: (9, "busy"),
        last - timedelta(days=3): (1, "calm"),
        last - timedelta(days=900): (99, "long ago"),
    }

    svg = calendar("Activity", days, last)

    assert 365 <= svg.count("<rect") <= 371
    assert (svg.count('class="l4"'), svg.count('class="l1"')) == (1, 1)
    assert "2 days with activity" in svg
    assert "long ago" not in svg
