/// Tests of the target runtimes.
@NullMarked
package io.moepress.recipes.target;

import org.jspecify.annotations.NullMarked;
