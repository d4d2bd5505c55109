/// From a plan to tensor programs: the dull, deadly details, once for all methods.
@NullMarked
package io.moepress.recipes.lowering;

import org.jspecify.annotations.NullMarked;
