/// From a forward pass to evidence.
@NullMarked
package io.moepress.calibrate.measure;

import org.jspecify.annotations.NullMarked;
