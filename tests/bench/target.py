# SPDX-License-Identifier: BSD-2-Clause
"""How a figure that has a target is told; the same in C is target.h, which says more."""


def _judged(value, unit, target, words, met):
    decimals = 0 if value >= 1000 else 1 if value >= 10 else 3
    while met(float(f"{value:.{decimals}f}")) != met(value) and decimals < 15:
        decimals += 1
    return f"{value:.{decimals}f}{unit} (target {words} {target:g}{unit}: {'met' if met(value) else 'missed'})"


def at_least(value, target, unit=""):
    return _judged(value, unit, target, "at least", lambda v: v >= target)


def at_most(value, target, unit=""):
    return _judged(value, unit, target, "at most", lambda v: v <= target)
