/// The PyTorch engine, reached through DJL, and the memory that goes with it.
@NullMarked
package io.moepress.calibrate.torch;

import org.jspecify.annotations.NullMarked;
