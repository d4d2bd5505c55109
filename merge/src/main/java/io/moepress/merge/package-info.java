/// Methods that make one expert of several.
@NullMarked
package io.moepress.merge;

import org.jspecify.annotations.NullMarked;
