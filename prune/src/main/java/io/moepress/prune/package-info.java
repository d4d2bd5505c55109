/// The prune module.
@NullMarked
package io.moepress.prune;

import org.jspecify.annotations.NullMarked;
