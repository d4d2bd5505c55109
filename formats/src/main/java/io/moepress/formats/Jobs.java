package io.moepress.formats;

import java.io.IOException;

/// Does independent jobs, perhaps several at a time. What comes out does not depend on how many:
/// results are taken by the caller's thread in the order of the jobs.
public interface Jobs {
  /// One after the other, in the caller's thread.
  Jobs IN_TURN =
      new Jobs() {
        @Override
        public <T> void ordered(int count, Task<T> task, Sink<T> sink) throws IOException {
          for (int index = 0; index < count; index++) {
            sink.accept(index, task.compute(index));
          }
        }
      };

  /// A job for each index, with a result.
  @FunctionalInterface
  interface Task<T> {
    /// Computes the result for `index`.
    T compute(int index) throws IOException;
  }

  /// Takes the results one after the other.
  @FunctionalInterface
  interface Sink<T> {
    /// Takes the result for `index`.
    void accept(int index, T result) throws IOException;
  }

  /// Computes `count` results and hands them on in order.
  ///
  /// @throws IOException the first failure in the order of the jobs
  <T> void ordered(int count, Task<T> task, Sink<T> sink) throws IOException;
}
