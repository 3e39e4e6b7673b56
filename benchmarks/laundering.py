"""The test trials again after codecs, noise and loss of resolution: what laundering a recording costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.bootstrap import Scored
from benchmarks.scoring import Scorer, as_scored, names, own
from benchmarks.tables import classes, mapped, table, value, with_interval
from detect.types import Modality
from training.calibration.cost import cllr, min_cllr
from training.calibration.scores import PLAIN
from training.calibration.voice import all_launderings
from training.face import launder as face_launder
from training.separation import auc, eer

_ABOUT = {
    Modality.FACE: [
        "Crops are laundered before the face is cut out; H.264 gives the last of three frames of a clip. The face is",
        "where it was found in the clear crop. LLRs by the same map throughout.",
        "",
    ],
    Modality.VOICE: [
        "Whole utterances are laundered; babble is five voices of the training split. LLRs by the same map throughout.",
        "",
    ],
}


def section(scorer: Scorer, *, everything: bool) -> list[str]:
    """Both modalities: ours beside the best of the others on `val`, or beside all of them."""
    lines = []
    for modality in Modality:
        rows = [row for name in _compared(scorer, modality, everything=everything) for row in _rows(scorer, name)]
        header = ("checkpoint", "laundering", "AUC", "against clear", "EER", "Cllr", "min Cllr")
        lines += [f"### {modality}", "", *_ABOUT[modality], *table(header, rows)]
    return lines


def _rows(scorer: Scorer, name: str) -> list[list[str]]:
    modality = scorer.network(name).spec.modality
    trials = scorer.trials(modality, "test")
    rows = []
    clear = 0.0
    for condition in _conditions(scorer, modality):
        scored = as_scored(scorer.logits(name, "test", condition, trials))
        llrs = mapped(scored, scorer.window_map(name))
        area = _over(auc, scored)
        clear = area if condition == PLAIN else clear
        label, change = ("none", "") if condition == PLAIN else (condition, f"{area - clear:+.3f}")
        others = [value(eer, scored), value(cllr, llrs), value(min_cllr, scored)]
        rows.append([name, label, with_interval(auc, scored), change, *others])
    return rows


def _conditions(scorer: Scorer, modality: Modality) -> tuple[str, ...]:
    if modality is Modality.FACE:
        return (PLAIN, *face_launder.LAUNDERINGS)
    return (PLAIN, *all_launderings(scorer.trials(modality, "train"), scorer.utterances))


def _compared(scorer: Scorer, modality: Modality, *, everything: bool) -> list[str]:
    """Ours and the best of the others by EER on `val`; or all."""
    ours = own(modality)
    others = [name for name in names(modality) if name not in ours]
    if everything:
        return [*ours, *others]
    trials = scorer.trials(modality, "val")
    rates = {name: _over(eer, as_scored(scorer.logits(name, "val", PLAIN, trials))) for name in others}
    return [*ours, *sorted(others, key=rates.__getitem__)[:1]]


def _over(metric: Callable[..., float], scored: Sequence[Scored]) -> float:
    bonafide, spoof = classes(scored)
    return metric(bonafide=bonafide, spoof=spoof)
