/// The streaming forward pass: layer by layer over all tokens, expert by expert.
///
/// Start at [ForwardPass]; the blocks a layer is composed of stand beside it, and none knows a
/// family's name.
@NullMarked
package io.moepress.calibrate.forward;

import org.jspecify.annotations.NullMarked;
