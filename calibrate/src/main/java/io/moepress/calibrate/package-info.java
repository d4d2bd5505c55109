/// The calibrate module.
@NullMarked
package io.moepress.calibrate;

import org.jspecify.annotations.NullMarked;
