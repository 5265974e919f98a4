"""Writes sklearn.json, what scikit-learn says of classes, with the cases of 0/0: pip install scikit-learn==1.2.1"""
import json
import os
import warnings

import numpy
import sklearn
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support
from sklearn.utils.class_weight import compute_class_weight

warnings.simplefilter("ignore")  # of 0/0
CASES = {  # number of classes, classes, what they were taken for
    "all right": (3, [0, 1, 2, 2], [0, 1, 2, 2]),
    "all wrong": (2, [0, 0, 1], [1, 1, 0]),
    "a constant answer": (2, [0] * 87 + [1] * 13, [0] * 100),
    "a class that nothing is": (4, [0, 1, 1, 3], [2, 1, 3, 3]),
    "a class that is nowhere": (4, [0, 1, 1, 0], [0, 1, 0, 0]),
    "only one class": (3, [1, 1], [1, 1]),
    "mixed": (5, [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 4, 4, 4, 2, 2], [0, 1, 2, 3, 4, 1, 1, 0, 3, 4, 4, 2, 4, 2, 3]),
}
golden = {"sklearn": sklearn.__version__, "cases": {}}
for name, (n, truth, guess) in CASES.items():
    p, r, f, support = precision_recall_fscore_support(truth, guess, labels=range(n))
    present = sorted(set(truth))
    weights = numpy.zeros(n)
    weights[present] = compute_class_weight("balanced", classes=numpy.array(present), y=truth)
    golden["cases"][name] = {
        "classes": n, "truth": truth, "guess": guess, "confusion": confusion_matrix(truth, guess, labels=range(n)).tolist(),
        "precision": p.tolist(), "recall": r.tolist(), "f1": f.tolist(), "examples": [int(n) for n in support],
        "macro": f1_score(truth, guess, average="macro"), "weights": weights.tolist(),
    }
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "sklearn.json"), "w") as f:
    json.dump(golden, f, indent=None)
    f.write("\n")
