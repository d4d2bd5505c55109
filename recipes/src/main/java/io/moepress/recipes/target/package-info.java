/// Target runtimes: who has to load what moepress writes.
@NullMarked
package io.moepress.recipes.target;

import org.jspecify.annotations.NullMarked;
