/// Tests of the recipe.
@NullMarked
package io.moepress.recipes.recipe;

import org.jspecify.annotations.NullMarked;
