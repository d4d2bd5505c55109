package io.moepress.calibrate.forward;

import io.moepress.formats.architecture.MoeModel;
import java.io.IOException;
import java.util.Optional;

/// Changes layers while a pass goes through them: a layer that was observed is run once more, as it
/// will be, on the same inputs, so that the layers behind it see what the changed one gives.
@FunctionalInterface
public interface LayerRevision {
  /// The model whose tensors shall be used for a layer from now on.
  ///
  /// @param layer decoder layer that was just observed
  /// @return nothing when the layer stays as it is
  Optional<MoeModel> revise(int layer) throws IOException;
}
