package io.moepress.cli;

import io.moepress.formats.Checks;
import io.moepress.recipes.recipe.ByteSize;
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
  private static final long MEBIBYTE = 1L << 20;

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

  @Override
  public void note(String text) {
    terminal.say(text);
  }

  private static boolean isBytes(String unit) {
    return unit.equals("bytes");
  }

  private static String amount(double count, String unit) {
    return isBytes(unit)
        ? new ByteSize((long) count).rounded()
        : Checks.text("%,.0f %s", count, unit);
  }

  private static final class Bar implements Task {
    private final ProgressBar bar;

    Bar(String title, long total, String unit) {
      this.bar =
          new ProgressBarBuilder()
              .setTaskName(title)
              .setInitialMax(total)
              .setUnit(isBytes(unit) ? " MiB" : " " + unit, isBytes(unit) ? MEBIBYTE : 1)
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
                "%s: %d %%, %s/s, %.0f s left",
                title,
                100 * now / total,
                amount(now / seconds, unit),
                seconds * (total - now) / now));
      }
    }

    @Override
    public void close() {
      double seconds = (System.nanoTime() - start) / NANOS;
      terminal.say(
          Checks.text(
              "%s: %s in %.1f s (%s/s)",
              title,
              amount((double) done.get(), unit),
              seconds,
              amount(done.get() / seconds, unit)));
    }
  }
}
