"""What a report can and cannot tell its reader: sentences that stand in every report."""

from __future__ import annotations

STATEMENTS: tuple[str, ...] = (
    (
        "The result weighs two propositions: that a face or voice was manipulated or synthesised by a program, and "
        "that it is bona fide. It is evidence for a person to weigh with everything else that is known, not a "
        "decision."
    ),
    (
        "It speaks only of faces and voices, and only of those that were examined. Edits to the background, cuts, "
        "subtitles, staged scenes, impersonators and recordings taken out of their context are not looked for."
    ),
    (
        "A network finds traces of the kinds of manipulation it was trained on. New methods, strong compression, "
        "small or blurred faces, filters, make-up, dubbing and re-recording from a screen can hide traces or "
        "imitate them."
    ),
    (
        "A log-likelihood ratio holds for recordings like those of the calibration named beside the model. For "
        "others its strength is not known, and where no calibration is on file no strength is stated at all."
    ),
    (
        "That nothing was flagged does not mean that a recording is genuine. What could not be examined is listed "
        "with its reason, and says nothing either way."
    ),
    (
        "A heat map shows which regions raised a network's output, coarsely. It does not show where a face was "
        "manipulated."
    ),
    "What the file says of itself (dates, devices, programs) is easily changed and is not part of the result.",
)
