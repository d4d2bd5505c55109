/// A checkpoint directory: configuration, shards, index and side files, read and written.
///
/// Start at [Checkpoint]; [CheckpointDirectory] is the one on disk.
@NullMarked
package io.moepress.formats.checkpoint;

import org.jspecify.annotations.NullMarked;
