#!/usr/bin/env python3
"""NumPy's and scikit-learn's side of `terroir bench field`, on the very arrays Terroir works on.

Reads a plan (JSON) from standard input:
  {"task", "codes": file of planar int8 (64 x pixels), "pixels", "vectors": file of float32 (rows x 64), "labels": file of
   uint8, "rows", "weights": file of float32 (classes x 64), "bias": file of float32, "classes", "repeats", "threads",
   "answers": file to write uint8 classes to}
Writes one JSON document to standard output: {"name", "seconds": [...], "pixels": how many were done}
Needs numpy and scikit-learn.
"""
import json
import os
import sys
import time

plan = json.load(sys.stdin)
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(plan["threads"])

import numpy as np

code = np.arange(-128, 128, dtype=np.float64)
# Indexed by the code's byte.
TABLE = np.roll(np.sign(code) * (code / 127.5) ** 2, 128).astype(np.float32)


def timed(run):
    run()
    seconds = []
    for _ in range(plan["repeats"]):
        start = time.perf_counter()
        answer = run()
        seconds.append(time.perf_counter() - start)
    return seconds, answer


def training():
    vectors = np.fromfile(plan["vectors"], np.float32).reshape(plan["rows"], 64)
    return vectors, np.fromfile(plan["labels"], np.uint8)


def planar():
    return np.fromfile(plan["codes"], np.uint8).reshape(64, plan["pixels"])


def units(codes):
    values = TABLE[codes]
    return values / np.sqrt((values * values).sum(axis=0))


def linear():
    codes = planar()
    weights = np.fromfile(plan["weights"], np.float32).reshape(plan["classes"], 64)
    bias = np.fromfile(plan["bias"], np.float32)[:, None]

    def run(chunk=1 << 14):
        # In chunks that stay in the cache, which is the quickest way found.
        out = np.empty(plan["pixels"], np.uint8)
        for at in range(0, plan["pixels"], chunk):
            values = TABLE[codes[:, at : at + chunk]]
            length = np.sqrt((values * values).sum(axis=0))
            out[at : at + chunk] = (weights @ values / length + bias).argmax(axis=0)
        return out

    return timed(run)


def knn_loop():
    """One pixel after another in float64, as one writes it first."""
    vectors, labels = training()
    vectors = vectors.astype(np.float64)
    pixels = units(planar()).T.astype(np.float64)

    def run():
        out = np.empty(len(pixels), np.uint8)
        for at, pixel in enumerate(pixels):
            distance = ((vectors - pixel) ** 2).sum(axis=1)
            nearest = labels[np.argsort(distance)[:3]]
            votes = np.bincount(nearest)
            tied = votes[nearest] == votes.max()
            out[at] = nearest[tied][0]
        return out

    return timed(run)


def knn_product():
    """The whole field as one matrix product in float32."""
    vectors, labels = training()
    codes = planar()

    def run(chunk=1 << 14):
        out = np.empty(plan["pixels"], np.uint8)
        for at in range(0, plan["pixels"], chunk):
            dots = units(codes[:, at : at + chunk]).T @ vectors.T
            found = np.argpartition(dots, -3, axis=1)[:, -3:]
            order = np.take_along_axis(dots, found, axis=1).argsort(axis=1)[:, ::-1]
            nearest = labels[np.take_along_axis(found, order, axis=1)]
            first, second, third = nearest.T
            out[at : at + chunk] = np.where(second == third, second, first)
        return out

    return timed(run)


def forest():
    from sklearn.ensemble import RandomForestClassifier

    vectors, labels = training()
    return RandomForestClassifier(
        n_estimators=100, max_features=8, n_jobs=plan["threads"], random_state=0
    ).fit(vectors, labels)


def forest_fit():
    return timed(lambda: forest() and None)


def forest_predict():
    fitted = forest()
    pixels = np.ascontiguousarray(units(planar()).T)
    return timed(lambda: fitted.predict(pixels).astype(np.uint8))


def logistic():
    from sklearn.linear_model import LogisticRegression

    vectors, labels = training()
    return timed(lambda: LogisticRegression(C=10.0, max_iter=200).fit(vectors, labels) and None)


def ridge():
    from sklearn.linear_model import RidgeClassifier

    vectors, labels = training()
    return timed(lambda: RidgeClassifier(alpha=1.0).fit(vectors, labels) and None)


def pca():
    """Sums for the covariance of dequantised, unit-length pixels, then its eigenvectors."""
    codes = planar()

    def run(chunk=1 << 16):
        total, products, count = np.zeros(64), np.zeros((64, 64)), 0
        for at in range(0, plan["pixels"], chunk):
            values = units(codes[:, at : at + chunk])
            total += values.sum(axis=1)
            products += values @ values.T
            count += values.shape[1]
        mean = total / count
        return np.linalg.eigh(products / count - np.outer(mean, mean)) and None

    return timed(run)


def main():
    seconds, answer = globals()[plan["task"]]()
    if answer is not None:
        answer.tofile(plan["answers"])
    name = f"NumPy {np.__version__}"
    if "sklearn" in sys.modules:
        name = f"scikit-learn {sys.modules['sklearn'].__version__}"
    json.dump({"name": name, "seconds": seconds, "pixels": plan["pixels"]}, sys.stdout)


main()
