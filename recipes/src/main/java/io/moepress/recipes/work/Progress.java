package io.moepress.recipes.work;

/// Where long work says how far it is. The command line draws it; a library user may ignore it.
public interface Progress {

  /// Says nothing.
  Progress SILENT =
      (title, total, unit) ->
          new Task() {
            @Override
            public void advance(long steps) {}

            @Override
            public void close() {}
          };

  /// Begins a piece of work.
  ///
  /// @param title what is being done, a few words
  /// @param total how many steps there are
  /// @param unit what is counted, plural
  Task begin(String title, long total, String unit);

  /// Says something worth knowing, a line by itself.
  default void note(String text) {}

  /// One piece of work under way.
  interface Task extends AutoCloseable {

    /// Says that `steps` more are done. Safe to call from several threads.
    void advance(long steps);

    @Override
    void close();
  }
}
