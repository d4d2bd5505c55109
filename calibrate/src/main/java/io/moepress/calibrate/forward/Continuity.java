package io.moepress.calibrate.forward;

import java.io.IOException;

/// What lets a forward pass go on where an earlier one was stopped.
public interface Continuity {

  /// Every pass begins at the first layer.
  Continuity NONE =
      new Continuity() {
        @Override
        public int restore(HiddenStates hidden) {
          return 0;
        }

        @Override
        public void finished(int layers, HiddenStates hidden) {}
      };

  /// Fills in the residual stream behind the layers that an earlier pass finished.
  ///
  /// @return number of these layers; 0 when the pass has to begin at the first, and `hidden` is as
  ///   it was
  int restore(HiddenStates hidden) throws IOException;

  /// Takes note of a finished layer.
  ///
  /// @param layers number of layers that are finished
  /// @param hidden the residual stream behind them
  void finished(int layers, HiddenStates hidden) throws IOException;
}
