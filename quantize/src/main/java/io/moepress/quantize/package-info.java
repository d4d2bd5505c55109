/// Weights as integers: rounding to the nearest and GPTQ.
///
/// Start at [Gptq]. All of it is arithmetic on arrays; which tensors it is done to, and how they
/// are stored, is decided elsewhere.
@NullMarked
package io.moepress.quantize;

import org.jspecify.annotations.NullMarked;
