/// Products and eigenvectors of matrices, by LAPACK where there is one.
@NullMarked
package io.moepress.recipes.linear;

import org.jspecify.annotations.NullMarked;
