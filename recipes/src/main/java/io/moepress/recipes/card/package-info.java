/// The model card that goes with a checkpoint, for the people who will find it.
@NullMarked
package io.moepress.recipes.card;

import org.jspecify.annotations.NullMarked;
