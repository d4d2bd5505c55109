package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.cli.Documents.Block;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/// The jobs of `docs/ci.md` are YAML, call nothing that a runner has not, and keep what a retry
/// needs.
class DocumentedJobsTest {
  private static final String DOCUMENT = "docs/ci.md";
  private static final String JOB = "compress";

  /// What the page says that a runner must have, and what every shell has.
  private static final Set<String> PROGRAMS =
      Set.of("cd", "curl", "echo", "export", "hf", "mkdir", "sha256sum", "tar");

  /// One job, as its service runs it.
  ///
  /// @param isAlone whether the service lets no second one run beside it
  /// @param tryLines the shell lines of a try, in order
  /// @param afterLines those of the shell that comes behind it; empty when it is the same
  /// @param always those that run behind a failure
  private record Job(
      boolean isAlone, List<String> tryLines, List<String> afterLines, List<String> always) {
    private List<ShellLines> commands() {
      return DocumentedJobsTest.commands(
          Stream.concat(tryLines.stream(), afterLines.stream()).toList());
    }
  }

  @Test
  void everyCommandOfAJobIsUnderstood() throws IOException {
    List<String> understood = new ArrayList<>();
    for (Job job : jobs()) {
      for (ShellLines command : job.commands()) {
        if (command.isOurs()) {
          Cli.commands().parseArgs(command.arguments().toArray(new String[0]));
          understood.add(command.printed());
        } else {
          assertThat(PROGRAMS).as(command.printed()).contains(command.words().getFirst());
        }
      }
    }

    assertThat(understood).hasSize(6);
  }

  @Test
  void aShellGetsMoepressBeforeItCallsIt() throws IOException {
    for (Job job : jobs()) {
      for (List<String> shell : List.of(job.tryLines(), job.afterLines())) {
        if (!shell.isEmpty()) {
          assertThat(first(shell, "moepress/bin.*PATH|PATH.*moepress/bin"))
              .isBetween(0, first(shell, "moepress (recipe|run|report) .*") - 1);
        }
      }
      assertThat(first(job.tryLines(), "curl .*"))
          .isLessThan(first(job.tryLines(), ".*sha256sum -c"));
      assertThat(first(job.tryLines(), ".*sha256sum -c"))
          .isLessThan(first(job.tryLines(), "tar .*"));
    }
  }

  /// A service cleans the checkout before it tries again.
  @Test
  void whatARetryNeedsIsOutsideOfTheCheckout() throws IOException {
    for (Job job : jobs()) {
      String output = job.tryLines().getLast().replaceFirst("hf upload \\S+ ", "");

      assertThat(output).startsWith("/srv/moepress/");
      assertThat(job.commands())
          .map(ShellLines::printed)
          .contains("moepress report " + output + ".work -o report.html --overwrite")
          .contains("cd " + output);
      assertThat(Documents.prose(DOCUMENT))
          .anyMatch(line -> line.text().contains("`output: " + output + "`"));
    }
  }

  @Test
  void aJobIsAloneAndReportsWhateverComes() throws IOException {
    for (Job job : jobs()) {
      assertThat(job.isAlone()).isTrue();
      assertThat(job.always()).singleElement().asString().startsWith("moepress report ");
    }
  }

  private static List<Job> jobs() throws IOException {
    List<Job> jobs = new ArrayList<>();
    for (Block block : Documents.blocks(DOCUMENT)) {
      if (block.language().equals("yaml")) {
        Map<?, ?> yaml = map(new Load(LoadSettings.builder().build()).loadFromString(block.text()));
        jobs.add(yaml.containsKey("jobs") ? ofGitHub(yaml) : ofGitLab(map(yaml.get(JOB))));
      }
    }
    assertThat(jobs).hasSize(2);
    return jobs;
  }

  private static Job ofGitHub(Map<?, ?> workflow) {
    List<String> all = new ArrayList<>();
    List<String> always = new ArrayList<>();
    for (Object each : list(map(map(workflow.get("jobs")).get(JOB)).get("steps"))) {
      Map<?, ?> step = map(each);
      if (step.get("run") instanceof String run) {
        all.addAll(run.lines().toList());
        if ("always()".equals(step.get("if"))) {
          always.addAll(run.lines().toList());
        }
      } else {
        assertThat(step.get("uses")).asString().matches("actions/[a-z-]+@v\\d+");
      }
    }
    boolean isAlone =
        Boolean.FALSE.equals(map(workflow.get("concurrency")).get("cancel-in-progress"));
    return new Job(isAlone, all, List.of(), always);
  }

  private static Job ofGitLab(Map<?, ?> job) {
    List<String> lines =
        Stream.of("before_script", "script")
            .flatMap(key -> list(job.get(key)).stream())
            .map(String.class::cast)
            .toList();
    List<String> after = list(job.get("after_script")).stream().map(String.class::cast).toList();
    return new Job(
        job.get("resource_group") != null, lines, after, after.subList(1, after.size()));
  }

  private static Map<?, ?> map(Object value) {
    assertThat(value).isInstanceOf(Map.class);
    return (Map<?, ?>) value;
  }

  private static List<?> list(Object value) {
    assertThat(value).isInstanceOf(List.class);
    return (List<?>) value;
  }

  private static List<ShellLines> commands(List<String> lines) {
    return ShellLines.of(new Block(DOCUMENT, 1, "sh", lines));
  }

  /// The number of the first line in which something like this stands; -1 when there is none.
  private static int first(List<String> lines, String pattern) {
    for (int i = 0; i < lines.size(); i++) {
      if (lines.get(i).matches(".*(" + pattern + ").*")) {
        return i;
      }
    }
    return -1;
  }
}
