package io.moepress.calibrate.chat;

import com.hubspot.jinjava.interpret.DeferredValueException;

/// How long the template at work on this thread may still take.
final class Deadline {
  /// More than any honest template needs.
  static final long SECONDS = 10;

  private static final ThreadLocal<Long> END = ThreadLocal.withInitial(() -> Long.MAX_VALUE);

  /// The time is over. Jinjava notes any other exception and goes on; at this one it leaves
  /// whatever it is in.
  static final class Passed extends DeferredValueException {
    private static final long serialVersionUID = 1L;

    Passed() {
      super("time is over");
    }
  }

  private Deadline() {}

  /// Starts the clock.
  static void start() {
    END.set(System.nanoTime() + SECONDS * 1_000_000_000);
  }

  /// Stops the template when its time is over.
  static void check() {
    long end = END.get();
    if (end != Long.MAX_VALUE && System.nanoTime() - end > 0) {
      throw new Passed();
    }
  }
}
