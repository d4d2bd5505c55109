/// Weights as integers: rounding to the nearest and GPTQ, and how many bits which weights get.
///
/// Start at [Gptq] for codes and at [Pmq] for bits. All of it is arithmetic on arrays; which
/// tensors it is done to, and how they are stored, is decided elsewhere.
@NullMarked
package io.moepress.quantize;

import org.jspecify.annotations.NullMarked;
