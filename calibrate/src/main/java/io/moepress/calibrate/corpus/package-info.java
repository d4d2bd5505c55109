/// Texts and token ids to measure with.
@NullMarked
package io.moepress.calibrate.corpus;

import org.jspecify.annotations.NullMarked;
