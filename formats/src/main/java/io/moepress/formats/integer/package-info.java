/// Weights as small integers: grids, how codes are packed into words, and the layouts in which
/// checkpoints store them.
@NullMarked
package io.moepress.formats.integer;

import org.jspecify.annotations.NullMarked;
