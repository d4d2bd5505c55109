/// The plan: what will be done to a checkpoint, and the methods that decide it.
@NullMarked
package io.moepress.recipes.plan;

import org.jspecify.annotations.NullMarked;
