"""Real data for the examples: tumours, of which few are malignant."""

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


def tumours(positives: int = 80) -> list[np.ndarray]:
    """Features and labels for training, then for testing: all benign ones, and so many malignant ones."""
    data = load_breast_cancer()
    malignant, benign = np.flatnonzero(data.target == 0), np.flatnonzero(data.target == 1)
    rows = np.concatenate([benign, malignant[:positives]])
    y = (data.target[rows] == 0).astype(np.float32)
    parts = train_test_split(data.data[rows], y, test_size=0.4, stratify=y, random_state=0)
    scaler = StandardScaler().fit(parts[0])
    x_train, x_test, y_train, y_test = parts
    return [*(scaler.transform(x).astype(np.float32) for x in (x_train, x_test)), y_train, y_test]
