/// What a tensor is: its element type, its shape, its bytes and its numbers.
@NullMarked
package io.moepress.formats.tensor;

import org.jspecify.annotations.NullMarked;
