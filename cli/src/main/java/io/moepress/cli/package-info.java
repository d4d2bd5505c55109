/// The command line: the only module that prints.
///
/// [Main] names the commands; each command reads its options and leaves the work to the other
/// modules. [RecipeRun] is the main job from end to end.
@NullMarked
package io.moepress.cli;

import org.jspecify.annotations.NullMarked;
