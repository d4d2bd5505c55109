/// Scores of experts that are learned by gradients, the model itself left as it is.
///
/// Start at [DiepSearch].
@NullMarked
package io.moepress.calibrate.search;

import org.jspecify.annotations.NullMarked;
