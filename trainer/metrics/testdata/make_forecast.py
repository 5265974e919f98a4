"""Writes forecast.json, the rules of the M4 competition in plain Python, written from their description: no package is needed.

The histories are made so that each rule shows: lengths that are no multiple of the season, even and odd seasons, seasons that are
just found and just not found, and an autocorrelation below 0.
"""
import json
import math
import os
import random
from fractions import Fraction


def moving_average(x, m):
    """The trend of classical decomposition: 2xm for an even m."""
    weights = [Fraction(1, m)] * m if m % 2 else [Fraction(1, 2 * m)] + [Fraction(1, m)] * (m - 1) + [Fraction(1, 2 * m)]
    reach = len(weights) // 2
    return {t: sum(w * x[t - reach + i] for i, w in enumerate(weights)) for t in range(reach, len(x) - reach)}


def indices(x, m):
    ratios = [[] for _ in range(m)]
    for t, trend in moving_average(x, m).items():
        ratios[t % m].append(x[t] / trend)
    means = [sum(r) / len(r) for r in ratios]
    return [i * m / sum(means) for i in means]


def acf(x, lag):
    mean = sum(x) / len(x)
    centred = [v - mean for v in x]
    return sum(a * b for a, b in zip(centred, centred[lag:])) / sum(v * v for v in centred)


def limit(x, m):
    return 1.645 * math.sqrt((1 + 2 * sum(float(acf(x, k)) ** 2 for k in range(1, m))) / len(x))


def seasonal(x, m):
    return m > 1 and len(x) >= 3 * m and abs(float(acf(x, m))) > limit(x, m)


def naive2(x, m, steps):
    if not seasonal(x, m):
        return [x[-1]] * steps
    s, n = indices(x, m), len(x)
    level = x[-1] / s[(n - 1) % m]
    return [level * s[(n + h) % m] for h in range(steps)]


def smape(y, f):
    return sum(200 * abs(a - b) / (abs(a) + abs(b)) for a, b in zip(y, f)) / len(y)


def scale(x, m):
    return Fraction(sum(abs(b - a) for a, b in zip(x, x[m:]))) / (len(x) - m)


def mase(x, y, f, m):
    return sum(abs(a - b) for a, b in zip(y, f)) / len(y) / scale(x, m)


def case(name, history, season, actual, forecast):
    exact = [Fraction(v) for v in history]
    bench = naive2(exact, season, len(actual))
    return {
        "name": name, "season": season, "history": history, "actual": actual, "forecast": forecast,
        "seasonal": seasonal(exact, season), "acf": float(acf(exact, season)), "limit": limit(exact, season),
        "indices": [float(i) for i in indices(exact, season)] if len(history) >= 2 * season else None,
        "scale": float(scale(exact, season)), "naive2": [float(v) for v in bench],
        "smape": float(smape(actual, forecast)), "mase": float(mase(exact, actual, forecast, season)),
        "naive2_smape": float(smape(actual, bench)), "naive2_mase": float(mase(exact, actual, bench, season)),
    }


rng = random.Random(3)


def wave(n, m, amplitude, noise, growth=0.0):
    return [round(100 + growth * t + amplitude * ((t % m) * 2 // m * 2 - 1) * (1 + (t % m) / m) + noise * rng.gauss(0, 1), 2) for t in range(n)]


def future(x, m, steps):
    actual = [round(x[-m + h % m] + rng.gauss(0, 3), 2) for h in range(steps)]
    return actual, [round(v + rng.gauss(0, 2), 2) for v in actual]


cases = []
for name, history, m, steps in [
    ("an even season, not a whole number of them", wave(26, 4, 30, 4, 1), 4, 6),
    ("an odd season", wave(25, 3, 20, 3), 3, 4),
    ("a long season", wave(50, 12, 40, 5, 0.5), 12, 14),
    ("a season of 7 with growth", wave(40, 7, 10, 1, 3), 7, 3),
    ("noise", wave(40, 4, 0, 10), 4, 4),
    ("a season that shows, too short by one value", [round(100 + 90 * (t % 12 == 3) + rng.gauss(0, 1), 2) for t in range(35)], 12, 4),
    ("no season", wave(20, 4, 30, 1), 1, 4),
    ("a correlation below 0", [round(100 + 20 * (-1) ** (t // 4) + rng.gauss(0, 1), 2) for t in range(38)], 4, 5),
]:
    cases.append(case(name, history, m, *future(history, m, steps)))
weak = []  # seasons between found and not found: those that are next to the limit
for amplitude in range(0, 240):
    history = wave(42, 4, amplitude / 10, 12)
    weak.append((abs(acf(history, 4)) / limit(history, 4), history))
for name, (_, history) in [
    ("just seasonal", min(w for w in weak if w[0] > 1)), ("just not seasonal", max(w for w in weak if w[0] < 1)),
]:
    cases.append(case(name, history, 4, *future(history, 4, 4)))
n = len(cases)
mean = {k: sum(c[k] for c in cases) / n for k in ["smape", "mase", "naive2_smape", "naive2_mase"]}
golden = {"cases": cases, "mean": mean, "owa": (mean["smape"] / mean["naive2_smape"] + mean["mase"] / mean["naive2_mase"]) / 2}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "forecast.json"), "w") as f:
    json.dump(golden, f, indent=1)
