package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import io.moepress.recipes.plan.PruneMethod;
import io.moepress.recipes.recipe.MethodBinder;
import io.moepress.recipes.recipe.YamlNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/// What nobody else notices when it is forgotten: a method outside the catalog, or outside the
/// docs.
class MethodsTest {
  private static final Path DOCS = Path.of("..", "docs", "methods.md");

  private final Methods methods = new Methods();

  @Test
  void everyMethodIsInTheCatalogUnderItsName() {
    for (String name : methods.pruneNames()) {
      MethodBinder<PruneMethod> binder = methods.prune(name).orElseThrow();
      assertThat(binder.bind(noOptions(), 42).name()).isEqualTo(name);
    }
  }

  @Test
  void everyMethodOfTheModuleIsInTheCatalog() {
    List<String> written =
        new ClassFileImporter()
            .importPackages("io.moepress.prune").stream()
                .filter(type -> type.isAssignableTo(PruneMethod.class) && type.isRecord())
                .map(JavaClass::getFullName)
                .sorted()
                .toList();

    List<String> listed =
        methods.pruneNames().stream()
            .map(name -> methods.prune(name).orElseThrow().bind(noOptions(), 42))
            .map(method -> method.getClass().getName())
            .sorted()
            .toList();

    assertThat(listed).isEqualTo(written).isNotEmpty();
  }

  @Test
  void everyMethodHasARowInTheDocs() throws IOException {
    String docs = Files.readString(DOCS);

    for (String name : methods.pruneNames()) {
      assertThat(docs).contains("| `" + name + "` |");
    }
  }

  private static YamlNode noOptions() {
    return YamlNode.parse(Path.of("test.yaml"), "{}".getBytes(StandardCharsets.UTF_8));
  }
}
