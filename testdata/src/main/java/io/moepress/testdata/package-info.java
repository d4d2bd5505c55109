/// The testdata module.
@NullMarked
package io.moepress.testdata;

import org.jspecify.annotations.NullMarked;
