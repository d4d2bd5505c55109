package io.moepress.calibrate.measure;

import io.moepress.recipes.work.Progress;
import java.util.concurrent.CancellationException;

/// Stops the work behind the first layer.
record Stopping() implements Progress {
  @Override
  public Task begin(String title, long total, String unit) {
    return new Task() {
      @Override
      public void advance(long steps) {
        throw new CancellationException("stopped");
      }

      @Override
      public void close() {}
    };
  }
}
