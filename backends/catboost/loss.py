"""F1 objective for CatBoost, as it stands before the compiler fills its holes; the rest is LightGBM's."""

import numpy as np
from numpy.typing import ArrayLike


class TrainObjective:
    """For CatBoostClassifier(loss_function=TrainObjective(y_train), eval_metric=TrainMetric()).

    CatBoost asks for the gradient at some rows at a time, of a loss that is one number of all rows. Hence the
    counts are added up of as many rows as are in y_train, and the slopes are those of the last time that they
    were complete: exact for the values in leaves, one tree old for splits; never old for up to 1000 rows.
    """

    def __init__(self, y_true: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """y_true: the labels that it will train on, and their weights. Raises ValueError for what are none."""
        totals = relaxed_counts(*prepared(*fitting(y_true, np.zeros(np.shape(y_true)), sample_weight), None))
        self.known = by_label(totals)
        self.seen = np.zeros(4)
        self.slopes = of_counts(slopes, totals)

    def calc_ders_range(self, approxes, targets, weights) -> np.ndarray:
        """First and second derivatives, at some rows, of what CatBoost maximizes: minus the loss.

        Raises ValueError where more rows come than there are labels.
        """
        z, y, w = prepared(*fitting(targets, approxes, weights), None)
        totals, kept = relaxed(z, y, w)
        if self.is_all(self.seen):
            self.slopes, self.seen = of_counts(slopes, self.seen), np.zeros(4)
        self.seen = self.seen + totals
        self.require_known(by_label(self.seen))
        steep = of_counts(slopes, totals) if self.is_all(totals) else self.slopes
        by_margins = self.known.sum() * gradient(kept, y, w, *steep)
        return np.column_stack([-by_margins, -np.maximum(np.abs(by_margins), TINY)])

    def is_all(self, totals) -> bool:
        """Whether counts are those of all rows, but for rounding."""
        return totals.sum() > self.known.sum() * (1 - 1e-6)

    def require_known(self, seen) -> None:
        """Raise ValueError where positives or negatives weigh more than all together, but for rounding."""
        if np.any(seen > self.known * (1 + 1e-6)):
            raise ValueError(
                "TrainObjective was made with labels of which {:g} are 1 and {:g} are 0, weighed, and now has "
                "{:g} and {:g}: make it with the labels and weights of fit; cv, and boosting_type='Ordered', "
                "train on parts of them and do not go with it".format(*self.known, *seen)
            )


def by_label(totals):
    """What positives weigh, and negatives, from TP, FP, FN and TN."""
    return totals[[0, 1]] + totals[[2, 3]]


def named(metric):
    """The class under the name that CatBoost is to print."""
    metric.__name__ = NAME
    return metric


@named
class TrainMetric:
    """For CatBoostClassifier(eval_metric=TrainMetric()): the metric of the hard decisions."""

    def is_max_optimal(self) -> bool:
        """Whether more of the metric is better."""
        return HIGHER_IS_BETTER

    def evaluate(self, approxes, target, weight) -> tuple[float, float]:
        """The metric of all rows, and the number 1 that CatBoost divides it by."""
        return hard_score(target, np.asarray(approxes[0]), weight), 1.0

    def get_final_error(self, error, weight) -> float:
        """The metric."""
        return error
