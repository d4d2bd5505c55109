/// What to do with a checkpoint: recipes ask, evidence informs, plans decide, lowering and applying
/// carry out.
///
/// Read in this order: `recipe`, `evidence`, `plan`, `lowering`, `apply`.
@NullMarked
package io.moepress.recipes;

import org.jspecify.annotations.NullMarked;
