/// Methods that give weights fewer bits, and decide how many.
@NullMarked
package io.moepress.quantize;

import org.jspecify.annotations.NullMarked;
