from __future__ import annotations

from pipeline.core.openmetrics import Metric, openmetrics_text


def test_counters_end_in_total_and_the_text_in_its_mark() -> None:
    text = openmetrics_text(
        [
            Metric("spent_usd", "counter", "Dollars.", (({"day": "2026-01-31"}, "0.000125"),)),
            Metric("left_usd", "gauge", "Dollars\nleft.", (({}, "5.00"),)),
        ]
    )
    assert text == (
        "# TYPE spent_usd counter\n"
        "# HELP spent_usd Dollars.\n"
        'spent_usd_total{day="2026-01-31"} 0.000125\n'
        "# TYPE left_usd gauge\n"
        "# HELP left_usd Dollars\\nleft.\n"
        "left_usd{} 5.00\n"
        "# EOF\n"
    )


def test_labels_hold_whatever_a_folder_is_called() -> None:
    metric = Metric("m", "gauge", "h", (({"folder": 'a"b\\c\nd}'}, "1"),))
    assert 'm{folder="a\\"b\\\\c\\nd}"} 1\n' in openmetrics_text([metric])
