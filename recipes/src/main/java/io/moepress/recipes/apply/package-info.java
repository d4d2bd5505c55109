/// Runs tensor programs: into a new checkpoint on disk, or on demand behind a view.
@NullMarked
package io.moepress.recipes.apply;

import org.jspecify.annotations.NullMarked;
