/// The quantize module.
@NullMarked
package io.moepress.quantize;

import org.jspecify.annotations.NullMarked;
