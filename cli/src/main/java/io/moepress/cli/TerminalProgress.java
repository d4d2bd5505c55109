package io.moepress.cli;

import io.moepress.formats.Checks;
import io.moepress.recipes.work.Progress;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/// Draws progress: a bar with rate and time left on a terminal, plain lines elsewhere, such as in
/// the log of a CI job.
final class TerminalProgress implements Progress {
  private static final long LINE_EVERY_NANOS = Duration.ofSeconds(10).toNanos();
  private static final double NANOS = 1e9;

  private final Terminal terminal;
  private final boolean bars;

  TerminalProgress(Terminal terminal, boolean bars) {
    this.terminal = terminal;
    this.bars = bars;
  }

  @Override
  public Task begin(String title, long total, String unit) {
    if (terminal.quiet()) {
      return Progress.SILENT.begin(title, total, unit);
    }
    return bars ? new Bar(title, total, unit) : new Lines(title, total, unit);
  }

  private static final class Bar implements Task {
    private final ProgressBar bar;

    Bar(String title, long total, String unit) {
      this.bar =
          new ProgressBarBuilder()
              .setTaskName(title)
              .setInitialMax(total)
              .setUnit(" " + unit, 1)
              .setStyle(ProgressBarStyle.ASCII)
              .setConsumer(new ConsoleProgressBarConsumer(System.err))
              .showSpeed()
              .clearDisplayOnFinish()
              .build();
    }

    @Override
    public void advance(long steps) {
      bar.stepBy(steps);
    }

    @Override
    public void close() {
      bar.close();
    }
  }

  private final class Lines implements Task {
    private final String title;
    private final long total;
    private final String unit;
    private final long start = System.nanoTime();
    private final AtomicLong done = new AtomicLong();
    private final AtomicLong lastLine = new AtomicLong(start);

    Lines(String title, long total, String unit) {
      this.title = title;
      this.total = total;
      this.unit = unit;
    }

    @Override
    public void advance(long steps) {
      long now = done.addAndGet(steps);
      long time = System.nanoTime();
      long last = lastLine.get();
      if (time - last > LINE_EVERY_NANOS && now < total && lastLine.compareAndSet(last, time)) {
        double seconds = (time - start) / NANOS;
        terminal.say(
            Checks.text(
                "%s: %d %%, %,.0f %s/s, %.0f s left",
                title, 100 * now / total, now / seconds, unit, seconds * (total - now) / now));
      }
    }

    @Override
    public void close() {
      double seconds = (System.nanoTime() - start) / NANOS;
      terminal.say(
          Checks.text(
              "%s: %,d %s in %.1f s (%,.0f %s/s)",
              title, done.get(), unit, seconds, done.get() / seconds, unit));
    }
  }
}
