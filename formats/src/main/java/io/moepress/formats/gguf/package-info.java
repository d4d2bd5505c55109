/// GGUF, the container of llama.cpp: a strict reader, a streaming writer, and what a checkpoint
/// becomes in it, that is names, shapes, order of rows, metadata and tokenizer.
///
/// Start at [GgufFile] for reading and at [GgufModel] for making one.
@NullMarked
package io.moepress.formats.gguf;

import org.jspecify.annotations.NullMarked;
