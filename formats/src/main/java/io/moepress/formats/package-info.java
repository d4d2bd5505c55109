/// Bytes on disk: tensors, checkpoints, architectures. The packages below hold one format each;
/// this one holds what they share, the checks and the exception for a broken file.
@NullMarked
package io.moepress.formats;

import org.jspecify.annotations.NullMarked;
