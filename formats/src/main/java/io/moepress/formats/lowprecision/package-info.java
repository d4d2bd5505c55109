/// Checkpoints whose weights are stored in low precision: what their configuration says of it,
/// which tensors belong together, and what numbers they stand for.
@NullMarked
package io.moepress.formats.lowprecision;

import org.jspecify.annotations.NullMarked;
