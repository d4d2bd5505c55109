/// Checks that a written checkpoint is whole.
@NullMarked
package io.moepress.recipes.verify;

import org.jspecify.annotations.NullMarked;
