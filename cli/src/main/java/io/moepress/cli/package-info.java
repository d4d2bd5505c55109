/// The cli module.
@NullMarked
package io.moepress.cli;

import org.jspecify.annotations.NullMarked;
