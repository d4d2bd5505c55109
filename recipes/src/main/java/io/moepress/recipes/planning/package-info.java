/// Makes a complete plan of what a recipe asks and evidence says.
@NullMarked
package io.moepress.recipes.planning;

import org.jspecify.annotations.NullMarked;
