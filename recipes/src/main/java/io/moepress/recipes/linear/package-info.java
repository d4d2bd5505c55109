/// Products, eigenvectors and Cholesky factors of matrices, by LAPACK where there is one.
@NullMarked
package io.moepress.recipes.linear;

import org.jspecify.annotations.NullMarked;
