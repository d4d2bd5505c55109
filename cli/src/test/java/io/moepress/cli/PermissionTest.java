package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import io.moepress.formats.Checks;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Where one may read and not write. `KillProof` has disks that are mounted read-only.
class PermissionTest {
  @TempDir private Path folder = Path.of("");

  @ParameterizedTest
  @ValueSource(strings = {"run", "convert", "calibrate"})
  void aPlaceWhereNobodyMayWrite(String command) throws IOException {
    Path model = TinyMoe.qwen3().write(folder.resolve("model"));
    Path place = Files.createDirectory(folder.resolve("place"));
    Path output = place.resolve("out");
    Path recipe = folder.resolve("recipe.yaml");
    Path texts = Files.writeString(folder.resolve("t.jsonl"), "{\"input_ids\": [1, 2, 3, 4]}\n");
    Files.writeString(
        recipe,
        Checks.text(
            "model: %s\noutput: %s\nsteps: [{prune: {method: random, keep: 50%%}}]\n",
            model, output));
    Set<PosixFilePermission> before = Files.getPosixFilePermissions(place);
    Files.setPosixFilePermissions(place, PosixFilePermissions.fromString("r-xr-xr-x"));
    try {
      assumeFalse(mayWrite(place), "root writes everywhere");

      Cli run =
          switch (command) {
            case "run" -> Cli.run("run", recipe, "-q");
            case "convert" -> Cli.run("convert", model, "-o", output, "-q");
            default -> Cli.run("calibrate", model, "--data", texts, "-o", output, "-q");
          };

      assertThat(run.exitCode()).isEqualTo(ExitCode.FAILED);
      assertThat(run.err().lines()).hasSize(1);
      assertThat(run.err()).startsWith("moepress: " + place).endsWith(": permission denied\n");
    } finally {
      Files.setPosixFilePermissions(place, before);
    }
  }

  private static boolean mayWrite(Path directory) throws IOException {
    Path file = directory.resolve("tried");
    try {
      Files.createFile(file);
      Files.delete(file);
      return true;
    } catch (AccessDeniedException e) {
      return false;
    }
  }
}
