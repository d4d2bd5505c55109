package io.moepress.calibrate.forward;

import org.jspecify.annotations.Nullable;

/// Who takes part in a pass.
///
/// @param observer sees every layer, as it is before it is revised
/// @param continuity knows which layers are finished, and is told
/// @param revision changes layers once they were observed; null: nobody does
public record PassHooks(
    MoePass.Observer observer, Continuity continuity, @Nullable LayerRevision revision) {

  /// Somebody who only looks.
  public static PassHooks of(MoePass.Observer observer) {
    return new PassHooks(observer, Continuity.NONE, null);
  }
}
