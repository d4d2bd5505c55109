/// Chat templates: from messages to the text a model was trained on.
///
/// Start at [ChatTemplate]. Templates are written in Jinja, a Python-like language, and come with
/// the checkpoint, so from a stranger: [JinjaDialect] turns one into what Jinjava understands and
/// refuses what it does not know, and [SandboxResolver] keeps it from reaching anything but texts,
/// numbers, lists and maps.
@NullMarked
package io.moepress.calibrate.chat;

import org.jspecify.annotations.NullMarked;
