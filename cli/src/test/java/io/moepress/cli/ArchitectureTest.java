package io.moepress.cli;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.List;
import org.junit.jupiter.api.Test;

/// The boundaries between modules, and between the packages of a module.
class ArchitectureTest {
  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("io.moepress");

  @Test
  void everyModuleIsLookedAt() {
    for (String module :
        List.of("cli", "calibrate", "prune", "merge", "quantize", "recipes", "formats")) {
      assertThat(CLASSES.containPackage("io.moepress." + module)).as(module).isTrue();
    }
  }

  @Test
  void modulesFormNoCycle() {
    slices().matching("io.moepress.(*)..").should().beFreeOfCycles().check(CLASSES);
  }

  @Test
  void packagesFormNoCycle() {
    slices().matching("io.moepress.(*.*)..").should().beFreeOfCycles().check(CLASSES);
  }

  @Test
  void siblingsDoNotKnowEachOther() {
    List<String> siblings = List.of("calibrate", "prune", "merge", "quantize");
    for (String module : siblings) {
      noClasses()
          .that()
          .resideInAPackage("io.moepress." + module + "..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              siblings.stream()
                  .filter(other -> !other.equals(module))
                  .map(other -> "io.moepress." + other + "..")
                  .toArray(String[]::new))
          .allowEmptyShould(true)
          .check(CLASSES);
    }
  }

  @Test
  void formatsKnowNobody() {
    noClasses()
        .that()
        .resideInAPackage("io.moepress.formats..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("io.moepress.recipes..", "io.moepress.calibrate..")
        .check(CLASSES);
  }

  @Test
  void onlyCalibrateKnowsTheEngine() {
    noClasses()
        .that()
        .resideOutsideOfPackage("io.moepress.calibrate..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("ai.djl..")
        .check(CLASSES);
  }

  @Test
  void methodsAreRecords() {
    classes()
        .that()
        .implement(io.moepress.recipes.plan.PruneMethod.class)
        .and()
        .areNotInterfaces()
        .should()
        .beRecords()
        .check(CLASSES);
  }
}
