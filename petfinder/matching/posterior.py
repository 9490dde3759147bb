"""From likelihood ratios to the probabilities of candidates and of nobody."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def posterior(log10_ratios: Sequence[float], *, registered: float) -> tuple[list[float], float]:
    """Weigh candidates and nobody (the animal is not registered) against each other: probabilities that sum to 1.

    `log10_ratios` are against all strangers of the gallery together, prior weights included; `registered` (0 to 1) is
    the chance that the animal is one of the gallery. Sutherland and Saunders, MNRAS 259 (1992); weights as in Salvato
    et al., MNRAS 473 (2018).
    """
    logs = np.log(10) * np.append(np.asarray(log10_ratios, dtype=np.float64), 0.0)
    logs += np.append(np.full(len(log10_ratios), np.log(registered)), np.log(1 - registered))
    terms = np.exp(logs - logs.max())
    terms /= terms.sum()
    return terms[:-1].tolist(), float(terms[-1])
