/// The recipe: what a person asks for, read from YAML.
///
/// `RecipeReader` turns a file into a `Recipe`. Whatever is wrong with the file is a
/// `RecipeException` that names the line, what was found there, what was expected, and the way out.
/// Methods are unknown here; a `MethodCatalog` binds their names and reads their options.
@NullMarked
package io.moepress.recipes.recipe;

import org.jspecify.annotations.NullMarked;
