package io.moepress.cli.chart;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.cli.chart.Chart.Mark;
import io.moepress.cli.chart.Chart.Panel;
import io.moepress.cli.chart.Chart.Series;
import io.moepress.cli.chart.Chart.Span;
import io.moepress.cli.chart.Drawing.Circle;
import io.moepress.cli.chart.Drawing.Path;
import io.moepress.cli.chart.Drawing.Point;
import io.moepress.cli.chart.Drawing.Shape;
import io.moepress.cli.chart.Drawing.Text;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.w3c.dom.Document;
import org.xml.sax.SAXException;

/// From numbers to pictures.
class ChartTest {

  @ParameterizedTest
  @CsvSource({"1, 1, 1", "1, 20, 3", "2, 4, 2", "3, 7, 1", "4, 14, 2"})
  void everythingIsInsideThePicture(int panels, int series, int budgets) {
    Drawing drawing = ChartLayout.of(chart(panels, series, budgets));

    assertThat(drawing.width()).isEqualTo(1000);
    assertThat(drawing.shapes().stream().flatMap(ChartTest::points))
        .allMatch(point ->
            point.x() >= 0
                && point.x() <= drawing.width()
                && point.y() >= 0
                && point.y() <= drawing.height());
  }

  private static Stream<Point> points(Shape shape) {
    return switch (shape) {
      case Path path -> path.points().stream();
      case Circle circle -> Stream.of(circle.centre());
      case Text text -> Stream.of(text.at());
    };
  }

  @Test
  void everyNameStandsInTheLegendAndEveryPanelHasItsTitle() {
    List<String> texts = texts(ChartLayout.of(chart(4, 3, 2)));

    assertThat(texts)
        .contains("Perplexity by size", "lower is better", "original", "random (mean, range)")
        .contains("method 0", "method 1", "method 2")
        .contains("panel 0", "panel 1", "panel 2", "panel 3")
        .filteredOn(text -> text.equals("size in MiB"))
        .hasSize(4);
  }

  @Test
  void aWideRangeIsLogarithmicAndSaysSo() {
    Panel wide =
        new Panel(
            "wide",
            new Mark(10, 18),
            List.of(),
            List.of(new Series("a", List.of(new Mark(5, 900), new Mark(7, 30)))));

    assertThat(texts(ChartLayout.of(new Chart("t", "s", "GiB", List.of(wide)))))
        .contains("s; logarithmic scale")
        .doesNotContain("random (mean, range)");
  }

  private static List<String> texts(Drawing drawing) {
    return drawing.shapes().stream()
        .filter(Text.class::isInstance)
        .map(shape -> ((Text) shape).text())
        .toList();
  }

  /// A smaller perplexity stands lower, a smaller size further left.
  @Test
  void marksStandWhereTheirNumbersSay() {
    Panel panel =
        new Panel(
            "p",
            new Mark(10, 20),
            List.of(),
            List.of(new Series("a", List.of(new Mark(5, 40), new Mark(7.5, 30)))));

    List<Point> centres =
        ChartLayout.of(new Chart("t", "s", "MiB", List.of(panel))).shapes().stream()
            .filter(Circle.class::isInstance)
            .map(shape -> ((Circle) shape).centre())
            .filter(centre -> centre.x() < 780)
            .toList();

    assertThat(centres).hasSize(2);
    assertThat(centres.get(0).x()).isLessThan(centres.get(1).x());
    assertThat(centres.get(0).y()).isLessThan(centres.get(1).y());
  }

  @Test
  void seriesAreToldApartByColourAndMark() {
    List<Shape> marks = new ArrayList<>();
    for (int i = 0; i < 35; i++) {
      marks.add(Palette.mark(i, new Point(0, 0)));
    }
    assertThat(marks).doesNotHaveDuplicates();
  }

  @Test
  void longNamesAreBrokenAtBlanks() {
    assertThat(ChartLayout.lines("easy-ep (router mask, protect super-experts false)"))
        .containsExactly("easy-ep (router mask,", "protect super-experts", "false)");
    assertThat(ChartLayout.lines("x".repeat(40))).containsExactly("x".repeat(40));
  }

  @ParameterizedTest
  @ValueSource(strings = {"plain", "<script>alert('x')</script>", "a & \"b\" > c", "ü – 漢"})
  void anSvgIsSoundXmlWhateverTheNames(String name)
      throws ParserConfigurationException, IOException, SAXException {
    Panel panel =
        new Panel(
            name, new Mark(10, 20), List.of(), List.of(new Series(name, List.of(new Mark(5, 40)))));

    Document document =
        DocumentBuilderFactory.newInstance()
            .newDocumentBuilder()
            .parse(
                new ByteArrayInputStream(
                    Svg.text(ChartLayout.of(new Chart(name, name, "MiB", List.of(panel))))
                        .getBytes(StandardCharsets.UTF_8)));

    assertThat(document.getElementsByTagName("title").item(0).getTextContent()).isEqualTo(name);
    assertThat(document.getElementsByTagName("script").getLength()).isZero();
  }

  @Test
  void aPictureIsTwiceAsFineAsItsPixels()
      throws Png.UnpaintableException, InterruptedException, IOException {
    Drawing drawing = ChartLayout.of(chart(2, 4, 2));

    BufferedImage image = ImageIO.read(new ByteArrayInputStream(Png.bytes(drawing)));

    assertThat(image.getWidth()).isEqualTo(2 * drawing.width());
    assertThat(image.getHeight()).isEqualTo(2 * drawing.height());
    assertThat(image.getRGB(1, 1)).as("paper").isEqualTo(0xffffffff);
    assertThat(pixels(image, 0xff0072b2)).as("the first series").isGreaterThan(100);
  }

  private static int pixels(BufferedImage image, int rgb) {
    int count = 0;
    for (int y = 0; y < image.getHeight(); y++) {
      for (int x = 0; x < image.getWidth(); x++) {
        count += image.getRGB(x, y) == rgb ? 1 : 0;
      }
    }
    return count;
  }

  /// A machine without fonts, as a container may be one.
  @Test
  @EnabledOnOs(OS.LINUX)
  void withoutFontsThereIsNoPictureButASentence(@TempDir java.nio.file.Path nothing)
      throws IOException, InterruptedException {
    ProcessBuilder painter =
        new ProcessBuilder(
            java.nio.file.Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Duser.home=" + nothing,
            "-cp",
            System.getProperty("java.class.path"),
            Painter.class.getName());
    painter.environment().put("FONTCONFIG_FILE", "/dev/null");
    painter.environment().put("FONTCONFIG_PATH", nothing.toString());
    painter.environment().put("FONTCONFIG_SYSROOT", nothing.toString());

    Process process = painter.redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

    assertThat(process.waitFor()).as(said).isZero();
    assertThat(said).contains("this Java finds no fonts (");
  }

  /// Paints in a process of its own, and says what came of it.
  static final class Painter {
    private Painter() {}

    public static void main(String[] args) throws InterruptedException {
      try {
        System.out.println(Png.bytes(ChartLayout.of(chart(1, 1, 1))).length + " bytes");
      } catch (Png.UnpaintableException e) {
        System.out.println(e.getMessage());
      }
    }
  }

  /// What Java throws without fonts is an error, not an exception; any failure of painting counts.
  @Test
  void aPictureThatCannotBePaintedIsRefusedWithItsReason() {
    Drawing impossible = new Drawing(0, 0, "t", List.of());

    assertThatExceptionOfType(Png.UnpaintableException.class)
        .isThrownBy(() -> Png.bytes(impossible))
        .withMessageContaining("(Width (0) and height (0) ");
  }

  private static Chart chart(int panels, int series, int budgets) {
    List<Panel> all = new ArrayList<>();
    for (int panel = 0; panel < panels; panel++) {
      List<Series> lines = new ArrayList<>();
      List<Span> floor = new ArrayList<>();
      for (int line = 0; line < series; line++) {
        List<Mark> marks = new ArrayList<>();
        for (int budget = 0; budget < budgets; budget++) {
          marks.add(new Mark(4 + 3 * budget, 30 + 7 * line + 20 * budget));
        }
        lines.add(new Series("method " + line, marks));
      }
      for (int budget = 0; budget < budgets; budget++) {
        floor.add(new Span(4 + 3 * budget, 50, 60, 75));
      }
      all.add(new Panel("panel " + panel, new Mark(13, 19), floor, lines));
    }
    return new Chart("Perplexity by size", "lower is better", "MiB", all);
  }
}
