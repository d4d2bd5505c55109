/// How good a model is: perplexity, distance from a reference, multiple choice.
@NullMarked
package io.moepress.calibrate.evaluate;

import org.jspecify.annotations.NullMarked;
