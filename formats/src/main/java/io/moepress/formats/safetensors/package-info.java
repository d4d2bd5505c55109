/// The safetensors container: a strict reader and a header-first streaming writer.
@NullMarked
package io.moepress.formats.safetensors;

import org.jspecify.annotations.NullMarked;
