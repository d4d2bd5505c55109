/// The merge module.
@NullMarked
package io.moepress.merge;

import org.jspecify.annotations.NullMarked;
