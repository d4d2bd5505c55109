/// The recipes module.
@NullMarked
package io.moepress.recipes;

import org.jspecify.annotations.NullMarked;
