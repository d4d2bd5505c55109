/// How long work is done: in parallel, with progress, always in the same order.
@NullMarked
package io.moepress.recipes.work;

import org.jspecify.annotations.NullMarked;
