# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Figures over time: how they are shown, and which of them must not grow."""

import statistics


class Figure:
    """A number that is sampled. most: never above; slack: how much more the median of the last
    quarter may be than that of the second, None where a figure may grow. The first quarter is for
    tables to fill."""

    def __init__(self, name, unit="", most=None, slack=None, share=0.0):
        self.name, self.unit, self.most, self.slack, self.share = name, unit, most, slack, share
        self.samples = []

    def add(self, value):
        self.samples.append(value)

    def quarter(self, number):
        size = len(self.samples)
        return self.samples[size * (number - 1) // 4:size * number // 4]

    def fault(self):
        """What is wrong with it; None where nothing is."""
        if self.most is not None and max(self.samples) > self.most:
            return f"{self.name}: {max(self.samples):g}, at most {self.most:g} were expected"
        if self.slack is None or len(self.samples) < 8:
            return None
        early, late = (statistics.median(self.quarter(n)) for n in (2, 4))
        if late > early + self.slack + self.share * early:
            return f"{self.name} grows: median {early:g} of the second quarter, {late:g} of the last"
        return None

    def row(self):
        values = self.samples
        shown = (values[0], statistics.median(values), max(values), values[-1])
        return f"{self.name:26}" + "".join(f"{value:>12,.{self.digits()}f}" for value in shown) + \
            f"  {self.unit}"

    def digits(self):
        return 0 if all(value == int(value) for value in self.samples) else 1


HEAD = f"{'':26}" + "".join(f"{name:>12}" for name in ("begin", "median", "max", "end"))


def table(figures):
    return "\n".join([HEAD] + [figure.row() for figure in figures if figure.samples])
