package io.moepress.recipes.recipe;

/// One thing a recipe asks to be done to the model. Each step sees what the steps before it made.
public sealed interface RecipeStep permits PruneStep {}
