/// Evidence: what calibration saw, as a document that can be kept, reused and added up.
@NullMarked
package io.moepress.recipes.evidence;

import org.jspecify.annotations.NullMarked;
