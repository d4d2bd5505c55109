/// How good a checkpoint turned out to be, and whether that is good enough.
@NullMarked
package io.moepress.recipes.evaluation;

import org.jspecify.annotations.NullMarked;
