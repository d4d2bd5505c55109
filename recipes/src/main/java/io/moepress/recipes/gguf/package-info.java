/// Writes a model as one GGUF file, and checks such a file.
@NullMarked
package io.moepress.recipes.gguf;

import org.jspecify.annotations.NullMarked;
